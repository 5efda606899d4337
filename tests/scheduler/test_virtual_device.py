"""An imagined device: steps side by side slow each other as the costs say, for as long as they run side by side."""

import asyncio

import pytest

from voiceagent.engines.contract import Batch
from voiceagent.engines.queue import Job, QueueEngine
from voiceagent.scheduler.admission.virtual_device import VirtualDevice
from voiceagent.scheduler.costs import CostModel
from voiceagent.scheduler.virtual import run_virtual

SLOWDOWNS = {("llm", "tts"): 2.0, ("tts", "llm"): 1.5}


def ends(*steps: tuple[str, float, float], off_device=()) -> dict[str, float]:
    """Return when steps end that are given as (lane, start, seconds alone)."""

    async def scene():
        loop, ended = asyncio.get_running_loop(), {}
        seconds = {lane: alone_s for lane, _, alone_s in steps}
        device = VirtualDevice(CostModel(slowdowns=SLOWDOWNS), lambda batch: seconds[batch.lane], off_device)

        def start(lane):
            job = Job(0, 0, 0.0, (f"{lane}.step", 1), (step for step in ()), lambda event: None)
            batch = Batch(lane, job.cost_key, 0.0, (0,), job)
            device.start(QueueEngine(lane), batch, lambda results, error: ended.update({lane: loop.time()}))

        for lane, at, _ in steps:
            loop.call_at(at, start, lane)
        await asyncio.sleep(60)
        return ended

    return run_virtual(scene())


def test_a_step_alone_takes_what_it_takes() -> None:
    assert ends(("llm", 1.0, 2.0)) == {"llm": pytest.approx(3.0)}


def test_two_at_once_take_longer_each_by_its_own_factor() -> None:
    assert ends(("llm", 0.0, 2.0), ("tts", 0.0, 4.0)) == {
        "llm": pytest.approx(4.0),
        "tts": pytest.approx(4.0 + (4.0 - 4.0 / 1.5)),
    }


def test_only_the_time_side_by_side_is_longer() -> None:
    assert ends(("llm", 0.0, 2.0), ("tts", 1.0, 0.5)) == {
        "tts": pytest.approx(1.75),
        "llm": pytest.approx(1.75 + 1.0 - 0.375),
    }


def test_lanes_that_are_not_known_to_slow_each_other_do_not() -> None:
    assert ends(("llm", 0.0, 2.0), ("asr", 0.0, 2.0)) == {"llm": pytest.approx(2.0), "asr": pytest.approx(2.0)}


def test_a_lane_on_another_device_has_nothing_to_do_with_it() -> None:
    assert ends(("llm", 0.0, 2.0), ("tts", 0.0, 4.0), off_device={"tts"}) == {
        "llm": pytest.approx(2.0),
        "tts": pytest.approx(4.0),
    }
