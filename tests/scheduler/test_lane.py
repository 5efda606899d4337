"""A lane of a real device: its thread, from the first work to its end."""

import asyncio
import threading
import time

import pytest

from voiceagent.engines.contract import Batch
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.lane import ThreadLane, close_all

BATCH = Batch("llm", ("llm.decode", 1), 0.0, (0,), None)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("voiceagent.scheduler.lane.CLOSE_WITHIN_S", 0.01)


def close_in_time(lane):
    """Close a lane whose step is about to end."""
    while not lane.close():
        pass


class Model:
    """Works until it is let go."""

    def __init__(self):
        self.begun, self.go = threading.Event(), threading.Event()

    def run(self, batch):
        self.begun.set()
        self.go.wait()
        return "result"

    def load(self):
        self.run(BATCH)


def test_a_lane_without_work_has_no_thread_and_ends_at_once():
    before = threading.active_count()
    lane = ThreadLane("llm")
    assert threading.active_count() == before
    assert lane.close()


def test_a_lane_waits_for_the_step_under_way_and_says_when_it_does_not_end():
    async def main():
        model, lane, results = Model(), ThreadLane("llm"), []
        lane.start(model, BATCH, lambda result, error: results.append(result))
        model.begun.wait()
        assert not lane.close()
        model.go.set()
        close_in_time(lane)
        await asyncio.sleep(0)
        assert results == ["result"]

    asyncio.run(main())


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="the system does not say")
def test_a_lane_knows_what_its_thread_has_had_of_a_processor():
    class Computing(Model):
        def run(self, batch):
            sum(range(100_000))
            return super().run(batch)

    async def main():
        model, lane = Computing(), ThreadLane("llm")
        assert lane.busy_s() is None
        lane.start(model, BATCH, lambda result, error: None)
        model.begun.wait()
        assert lane.busy_s() > 0
        model.go.set()
        close_in_time(lane)
        assert lane.busy_s() is None

    asyncio.run(main())


def test_a_lane_survives_what_is_no_ordinary_exception():
    class Panic(BaseException):
        """As Rust code raises it."""

    class Panicking:
        def run(self, batch):
            raise Panic("index out of range")

    async def main():
        lane, told = ThreadLane("llm"), asyncio.Queue()
        for _ in range(2):
            lane.start(Panicking(), BATCH, lambda result, error: told.put_nowait(error))
            assert str(await told.get()) == "Panic: index out of range"
        close_in_time(lane)

    asyncio.run(main())


def test_what_a_lane_gives_after_the_loop_has_gone_bothers_nobody():
    model, lane = Model(), ThreadLane("llm")

    async def main():
        lane.start(model, BATCH, lambda result, error: None)

    asyncio.run(main())
    model.go.set()
    close_in_time(lane)


def test_loading_raises_what_the_engine_raises():
    class Broken:
        def load(self):
            raise VoiceAgentError("The file is damaged.")

    lane = ThreadLane("llm")
    with pytest.raises(VoiceAgentError, match="damaged"):
        asyncio.run(lane.load(Broken()))
    close_in_time(lane)


def test_whoever_stops_waiting_for_a_load_leaves_the_lane_to_finish_it():
    model, lane = Model(), ThreadLane("llm")

    async def main():
        loading = asyncio.create_task(lane.load(model))
        await asyncio.to_thread(model.begun.wait)
        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading

    asyncio.run(main())
    assert not lane.close()
    model.go.set()
    close_in_time(lane)


def test_of_many_lanes_those_that_hang_are_named():
    models = {"llm": Model(), "tts": Model()}
    lanes = {name: ThreadLane(name) for name in ("vad", *models)}

    async def main():
        for name, model in models.items():
            lanes[name].start(model, BATCH, lambda result, error: None)
            model.begun.wait()

    asyncio.run(main())
    assert close_all(lanes) == ["llm", "tts"]
    for name, model in models.items():
        model.go.set()
        close_in_time(lanes[name])


@pytest.mark.parametrize(("process", "lane_s"), [(0, 5), (5, 5), (12, 12)])
def test_a_lane_is_never_less_nice_than_its_process(monkeypatch, process, lane_s):
    set_to = []

    def setpriority(which, who, niceness):
        if niceness < process:
            raise PermissionError("not without rights")
        set_to.append(niceness)

    monkeypatch.setattr("voiceagent.scheduler.lane.os.getpriority", lambda which, who: process)
    monkeypatch.setattr("voiceagent.scheduler.lane.os.setpriority", setpriority)
    monkeypatch.setattr("voiceagent.scheduler.lane.sys.platform", "linux")

    async def load():
        lane, model = ThreadLane("llm"), Model()
        model.go.set()
        await asyncio.wait_for(lane.load(model), 10)
        close_in_time(lane)

    asyncio.run(load())
    assert set_to == [lane_s]
