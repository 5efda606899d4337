"""A step that hangs, in each lane: who is told, who goes on, and what is left when it returns."""

import asyncio
import logging

import pytest
from crowd import HANG_S, Crowd, outcomes

from voiceagent.session.reports import EngineFailed
from voiceagent.testing import run_virtual


@pytest.fixture(autouse=True)
def _no_log():
    """A lane that is asked in vain says so often, and pytest would keep it all."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


LANES = ["asr", "llm", "tts", "vad", "turn"]
REPLY = "The sea is deep."


class House:
    """A victim whose next step in a lane hangs, once; and a bystander."""

    def __init__(self, lane):
        self.crowd = Crowd(llm=lambda messages: REPLY)
        self.victim, self.bystander = self.crowd.call(), self.crowd.call()
        self.lane = lane
        self.struck_at = None
        self.crowd.hangs = self._hangs

    def _hangs(self, batch):
        mine = any((batch.lane, number) in self.victim.session.streams for number in batch.streams)
        if self.struck_at is None and batch.lane == self.lane and mine:
            self.struck_at = asyncio.get_running_loop().time()
            return True
        return False

    async def until_it_returns(self):
        while asyncio.get_running_loop().time() < self.struck_at + HANG_S:
            await asyncio.gather(self.victim.listens(0.6), self.bystander.listens(0.6))


def told(call):
    """Return the lanes that a caller was told do not answer."""
    assert all(failed.stuck for failed in call.of(EngineFailed))
    return {failed.engine for failed in call.of(EngineFailed)}


async def talk(call, turns=1):
    for _ in range(turns):
        await call.speaks(3.0)
        await call.listens(6.0)


@pytest.mark.parametrize("lane", LANES)
def test_a_step_that_hangs_is_told_to_its_caller_and_the_lane_serves_everybody_when_it_has_returned(lane):
    async def main():
        house = House(lane)
        crowd, victim, bystander = house.crowd, house.victim, house.bystander
        await asyncio.gather(talk(victim), bystander.listens(9.0))
        assert crowd.troubles() == {lane}
        assert told(victim) == {lane}
        assert told(bystander) == ({"vad"} if lane == "vad" else set()), "the ears are always in use"
        await house.until_it_returns()
        assert crowd.troubles() == set()
        for call in (victim, bystander):
            call.clear()
        await asyncio.gather(talk(victim), talk(bystander))
        for call in (victim, bystander):
            assert outcomes(call) == ["completed"]
            assert REPLY in call.said
            assert not told(call)
        failures = crowd.metrics.failed_steps.collect()[0].samples
        assert [s.value for s in failures if s.labels["kind"] == "hang" and s.name.endswith("_total")] == [1.0]
        assert crowd.queued() == 0

    run_virtual(main())


@pytest.mark.parametrize("lane", ["asr", "llm"])
def test_the_voice_apologises_for_a_lane_that_hangs(lane):
    async def main():
        house = House(lane)
        await house.victim.speaks(3.0)
        await house.victim.listens(10.0)
        assert "something went wrong" in house.victim.said
        assert outcomes(house.victim)[-1] == "completed"

    run_virtual(main())


@pytest.mark.parametrize("lane", ["asr", "llm", "tts"])
def test_who_comes_to_a_lane_that_hangs_does_not_wait_in_vain(lane):
    async def main():
        house = House(lane)
        await house.victim.speaks(3.0)
        await house.victim.listens(6.0)
        await house.bystander.speaks(3.0)
        await house.bystander.listens(1.5)
        assert told(house.bystander) == {lane}
        if lane != "tts":
            assert "something went wrong" in house.bystander.said

    run_virtual(main())


def test_a_turn_is_answered_though_the_turn_detector_hangs():
    async def main():
        house = House("turn")
        await talk(house.victim)
        assert outcomes(house.victim) == ["completed"]
        await talk(house.bystander)
        assert outcomes(house.bystander) == ["completed"]
        assert house.bystander.turns[0].voice_to_voice_ms <= 1_300

    run_virtual(main())


@pytest.mark.parametrize("lane", ["llm", "tts"])
def test_what_comes_late_is_not_heard(lane):
    async def main():
        house = House(lane)
        await talk(house.victim)
        said = house.victim.said
        await house.until_it_returns()
        await house.victim.listens(3.0)
        assert house.victim.said == said
        assert not house.victim.ear.audible

    run_virtual(main())


@pytest.mark.parametrize("lane", LANES)
def test_a_caller_can_hang_up_while_a_lane_hangs(lane):
    async def main():
        house = House(lane)
        await talk(house.victim)
        house.victim.hangs_up()
        reports = len(house.victim.reports)
        await house.bystander.listens(HANG_S)
        assert len(house.victim.reports) == reports
        assert house.crowd.troubles() == set()

    run_virtual(main())
