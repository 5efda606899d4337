"""Faults of every kind strike callers who talk, for minutes; when they are over, all is as if none had been."""

import asyncio
import logging
import random

import pytest
from crowd import HANG_S, Crowd, outcomes
from test_faults import FAULTS, gives_no_numbers

from voiceagent.app.engines import lanes_of
from voiceagent.session.reports import EngineFailed
from voiceagent.testing import run_virtual

CALLERS = 3
FAULTS_PER_STEP, HANGS_PER_STEP = 0.01, 0.0005


@pytest.fixture(autouse=True)
def _no_log():
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


class Chaos:
    """Breaks steps at random, until it is calm."""

    def __init__(self, crowd, seed):
        self.fate = random.Random(seed)
        self.calm = False
        self.faults = self.hangs = 0
        crowd.hangs = self._hangs
        for lane, engine in lanes_of(crowd.engines).items():
            engine.run = self._broken(lane, engine.run)

    def _broken(self, lane, run):
        kinds = [fault for fault in FAULTS.values() if lane in ("tts", "vad", "turn") or fault is not gives_no_numbers]

        def broken(batch):
            if self.calm or self.fate.random() >= FAULTS_PER_STEP:
                return run(batch)
            self.faults += 1
            return self.fate.choice(kinds)(run, batch)

        return broken

    def _hangs(self, batch):
        hangs = not self.calm and self.fate.random() < HANGS_PER_STEP
        self.hangs += hangs
        return hangs


async def talk(call, fate, seconds):
    """Talk, interrupt, cough, type, and press the button."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        if fate.random() < 0.2:
            call.session.type("tell me more")
        else:
            await call.speaks(fate.uniform(0.2, 3.0))
        await call.listens(fate.uniform(0.5, 8.0))
        if fate.random() < 0.1:
            call.session.stop_speaking()


@pytest.mark.exhaustive(quick=120, full=240)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (1, 2))])
def test_when_the_faults_are_over_everybody_is_answered(seed, size):
    async def main():
        crowd = Crowd(llm=lambda messages: "The sea is deep. It is full of fish.")
        chaos = Chaos(crowd, seed)
        calls = [crowd.call() for _ in range(CALLERS)]
        await asyncio.gather(*(talk(call, random.Random(seed + number), size) for number, call in enumerate(calls)))
        chaos.calm = True
        await asyncio.gather(*(call.listens(HANG_S + 10.0) for call in calls))
        assert chaos.faults > size / 4
        assert chaos.hangs
        assert crowd.troubles() == set()
        for call in calls:
            call.clear()
        await asyncio.gather(*(call.speaks(3.0) for call in calls))
        await asyncio.gather(*(call.listens(12.0) for call in calls))
        for call in calls:
            assert outcomes(call) == ["completed"]
            assert not call.of(EngineFailed)
            assert "full of fish" in call.said
            assert call.session.state.response is None
        assert crowd.queued() == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())
