"""What becomes of a lane whose step hangs, on the virtual clock; and of one that fails step after step."""

import asyncio

import pytest

from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.queue import Job, QueueEngine
from voiceagent.scheduler.costs import UNKNOWN_S
from voiceagent.scheduler.lane import VirtualLane
from voiceagent.scheduler.scheduler import LOOK_S, Scheduler
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.scheduler.watchdog import (
    FAILURES,
    HANG_FACTOR,
    HANG_S,
    PROBATION_S,
    STARVED_TIMES,
    StuckError,
    Watchdog,
    hang_after_s,
    is_starved,
)

STEP_S = 0.1
SLOW_S = 3 * HANG_S
LONG_S = 60.0


class CrowdedLane(VirtualLane):
    """A lane whose thread has a share of a processor."""

    share = 0.0

    def busy_s(self):
        return self.share * asyncio.get_running_loop().time()


class House:
    """Two lanes, and a kind of step that hangs for a minute."""

    def __init__(self, concurrency=1, share=None):
        self.steps = []
        self.discarded = []
        self.llm, self.tts = QueueEngine("llm"), QueueEngine("tts")
        self.llm.discard = lambda batch, results: self.discarded.append(results.event)
        engines = {"llm": self.llm, "tts": self.tts}
        lanes = {name: VirtualLane(self.cost_s) if share is None else CrowdedLane(self.cost_s) for name in engines}
        CrowdedLane.share = share
        self.scheduler = Scheduler(engines, lanes, concurrency, on_step=self.steps.append)
        self.watchdog = self.scheduler.watchdog

    def cost_s(self, batch):
        return {"llm.hang": LONG_S, "llm.slow": SLOW_S}.get(batch.cost_key[0], STEP_S)

    def ask(self, engine, *steps, stream=0, tag=1, key="llm.decode"):
        """Queue a job and return the list that its events will be in."""
        events = []
        engine.submit(Job(stream, tag, 0.0, (key, 1), iter_of(steps), events.append))
        return events


def iter_of(steps):
    for step in steps:
        if isinstance(step, Exception):
            raise step
        yield step


def errors(events):
    return [event.error for event in events if isinstance(event, StreamFailed)]


def test_a_step_that_hangs_is_given_up_and_its_stream_told_once():
    async def main():
        house = House()
        events = house.ask(house.llm, "a", "b", key="llm.hang")
        await asyncio.sleep(HANG_S - 0.1)
        assert not events
        await asyncio.sleep(0.2)
        (error,) = errors(events)
        assert isinstance(error, StuckError)
        assert "llm.hang" in str(error)
        assert set(house.watchdog.stuck) == {"llm"}
        (step,) = house.steps
        assert step.error is error
        await asyncio.sleep(LONG_S)
        assert len(events) == 1
        assert house.discarded == ["a"], "what came late is thrown away, by the engine"
        assert not house.watchdog.stuck
        assert len(house.steps) == 1

    run_virtual(main())


def test_who_asks_a_stuck_lane_is_told_at_once():
    async def main():
        house = House()
        waiting = house.ask(house.llm, "a", key="llm.hang")
        behind = house.ask(house.llm, "b", stream=1)
        await asyncio.sleep(HANG_S + 0.1)
        assert len(errors(behind)) == len(errors(waiting)) == 1
        late = [house.ask(house.llm, "c", stream=number) for number in (2, 3)]
        await asyncio.sleep(0.001)
        assert [len(errors(events)) for events in late] == [1, 1]
        await asyncio.sleep(LONG_S)
        assert house.ask(house.llm, "d") == []
        well = house.ask(house.llm, "d")
        await asyncio.sleep(1.0)
        assert well == ["d"]

    run_virtual(main())


def test_other_lanes_go_on_though_there_is_room_for_one_step_only():
    async def main():
        house = House(concurrency=1)
        house.ask(house.llm, "a", key="llm.hang")
        await asyncio.sleep(HANG_S + 0.1)
        events = house.ask(house.tts, "sound", key="tts.segment")
        await asyncio.sleep(2 * STEP_S)
        assert events[0] == "sound"

    run_virtual(main())


def test_no_step_begins_in_a_lane_before_the_one_that_hangs_has_ended():
    async def main():
        house = House()
        running = []
        inner, house.llm.run = house.llm.run, lambda batch: (running.append(batch.cost_key[0]), inner(batch))[1]
        house.ask(house.llm, "a", key="llm.hang")
        await asyncio.sleep(HANG_S + 0.1)
        house.ask(house.llm, "b")
        await asyncio.sleep(LONG_S / 2)
        assert running == ["llm.hang"]

    run_virtual(main())


def test_a_step_known_to_be_slow_is_given_its_time():
    assert hang_after_s(UNKNOWN_S) == HANG_S
    assert hang_after_s(1.0) == HANG_FACTOR

    async def main():
        house = House()
        for _ in range(4):
            house.scheduler._costs.observe(("llm.hang", 1), LONG_S / 4)
        events = house.ask(house.llm, "a", key="llm.hang")
        await asyncio.sleep(LONG_S + 0.1)
        assert events == ["a"]

    run_virtual(main())


def test_a_step_is_not_blamed_for_a_process_that_stood_still():
    async def main():
        house = House()
        events = house.ask(house.llm, "a", key="llm.slow")
        await asyncio.sleep(1.0)
        asyncio.get_running_loop().advance(2 * HANG_S)
        await asyncio.sleep(HANG_S)
        assert events == ["a"], "most of its time was nobody's"

    run_virtual(main())


def test_a_step_that_hangs_is_noticed_though_the_process_stood_still():
    async def main():
        house = House()
        events = house.ask(house.llm, "b", key="llm.hang")
        await asyncio.sleep(1.0)
        asyncio.get_running_loop().advance(2 * HANG_S)
        await asyncio.sleep(HANG_S + 0.1)
        assert errors(events)

    run_virtual(main())


@pytest.mark.parametrize("share", [0.01, 0.2, 0.45])
def test_a_step_whose_thread_is_kept_from_a_processor_is_slow_and_does_not_hang(share, caplog):
    async def main():
        house = House(share=share)
        events = house.ask(house.llm, "a", key="llm.slow")
        await asyncio.sleep(SLOW_S + STEP_S)
        assert events == ["a"]
        assert not house.watchdog.stuck

    run_virtual(main())
    assert [record.message for record in caplog.records] == ["lane is starved: others have the processor"]


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_a_step_that_waits_for_something_or_computes_all_the_time_hangs(share):
    async def main():
        house = House(share=share)
        events = house.ask(house.llm, "a", key="llm.slow")
        await asyncio.sleep(HANG_S + STEP_S)
        assert errors(events)

    run_virtual(main())


def test_a_step_that_is_starved_is_given_up_in_the_end():
    async def main():
        house = House(share=0.1)
        events = house.ask(house.llm, "a", key="llm.hang")
        await asyncio.sleep(STARVED_TIMES * HANG_S - STEP_S)
        assert not events
        await asyncio.sleep(LOOK_S + 2 * STEP_S)
        assert errors(events)
        assert set(house.watchdog.stuck) == {"llm"}

    run_virtual(main())


def test_a_thread_that_rests_is_not_starved():
    assert not is_starved(0.0, 1.0)
    assert is_starved(0.003, 1.0)
    assert not is_starved(0.9, 1.0)


def test_a_step_that_raises_at_last_is_told_of_once():
    async def main():
        house = House()
        events = house.ask(house.llm, ValueError("after all"), key="llm.hang")
        await asyncio.sleep(LONG_S + 1)
        assert len(errors(events)) == 1
        assert not house.discarded
        assert not house.watchdog.stuck

    run_virtual(main())


def test_a_scheduler_that_was_closed_gives_nothing_up():
    async def main():
        house = House()
        events = house.ask(house.llm, "a", key="llm.hang")
        await asyncio.sleep(1.0)
        house.scheduler.close()
        await asyncio.sleep(LONG_S)
        assert not events
        assert not house.watchdog.stuck

    run_virtual(main())


def test_an_engine_that_cannot_say_what_to_run_holds_up_no_other():
    async def main():
        house = House()

        def broken(now):
            raise IndexError("no such slot")

        house.llm.pending = broken
        house.ask(house.llm, "a")
        events = house.ask(house.tts, "sound", key="tts.segment")
        await asyncio.sleep(1.0)
        assert events == ["sound"]

    run_virtual(main())


def test_a_lane_that_fails_several_times_in_a_row_is_in_trouble_until_a_step_succeeds():
    async def main():
        house = House()
        for _ in range(FAILURES):
            assert not house.watchdog.troubles(0.0)
            house.ask(house.llm, ValueError("out of memory"))
            await asyncio.sleep(1.0)
        now = asyncio.get_running_loop().time()
        assert set(house.watchdog.troubles(now)) == {"llm"}
        house.ask(house.llm, "well")
        await asyncio.sleep(1.0)
        assert not house.watchdog.troubles(now)

    run_virtual(main())


def test_a_failing_lane_that_nobody_asks_any_more_is_tried_again_and_has_one_chance():
    watchdog = Watchdog()
    for at in range(FAILURES):
        watchdog.failed("llm", float(at))
    latest = FAILURES - 1.0
    assert "The log says why" in watchdog.troubles(latest)["llm"]
    assert watchdog.troubles(latest + PROBATION_S - 1)
    assert not watchdog.troubles(latest + PROBATION_S)
    watchdog.failed("llm", 100.0)
    assert watchdog.troubles(100.0)


@pytest.mark.parametrize("now", [15.0, 99.0])
def test_trouble_is_named_with_what_to_do(now):
    watchdog = Watchdog()
    watchdog.hang("tts", ("tts.decode", 4), 10.0, 15.0, 0.05)
    told = watchdog.troubles(now)["tts"]
    assert "tts.decode" in told
    assert f"{now - 10:.0f} s" in told
    assert "Restart" in told
