"""A quarter of an hour of several callers, and ten thousand calls, leave nothing behind."""

import asyncio
import gc
import random
import sys

import pytest
from crowd import REAL, TICK_S, Crowd

from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.session.reports import (
    AgentPaused,
    AgentResumed,
    EngineFailed,
    ResponseEnded,
    SegmentAnnounced,
    WordHeard,
)
from voiceagent.testing import run_virtual

ANSWERS = (
    "Yes.",
    "The sea is deep. It is full of fish.",
    "That is a long story. It begins with a ship. The ship had a captain. He was very old. Nobody knew his name.",
)
CALLERS = 3
SOAK_S = 16 * 60
WARM_S = 6 * 60
CALLS = 10_000


def blocks() -> int:
    """Return the number of small blocks of memory in use."""
    gc.collect()
    return sys.getallocatedblocks()


class Talker:
    """Somebody who asks, listens, interrupts, coughs, types and presses the button, as a seed decides."""

    def __init__(self, call, seed: int) -> None:
        self.call = call
        self.fate = random.Random(seed)
        self.asked = self.answered = self.newest = 0

    async def talk_for(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            await self._turn()
            self.check()
        await self.call.listens(15.0)
        self.check()

    async def _turn(self) -> None:
        call, fate = self.call, self.fate
        if fate.random() < 0.2:
            call.session.type("tell me more about it")
        else:
            await call.speaks(fate.uniform(1.0, 3.0))
        self.asked += 1
        await call.listens(fate.uniform(1.0, 3.0))
        disturbance = fate.random()
        if disturbance < 0.2:
            await call.speaks(0.18)  # a cough
            await call.listens(3.0)
        elif disturbance < 0.3:
            call.session.stop_speaking()
        elif disturbance < 0.6:
            await call.listens(8.0)  # to the end; otherwise the next turn interrupts

    def check(self) -> None:
        """Every response that was announced ends once, in order, and nothing older is heard of after it."""
        for reported in self.call.reports:
            match reported.report:
                case EngineFailed() as failed:
                    pytest.fail(failed.message)
                case SegmentAnnounced(generation) | WordHeard(generation):
                    assert generation > self.newest
                case AgentPaused(generation) | AgentResumed(generation):
                    assert generation > self.newest
                case ResponseEnded(generation):
                    assert generation > self.newest
                    self.newest = generation
        self.answered += len(self.call.turns)
        self.call.clear()


def test_callers_who_talk_and_interrupt_for_a_quarter_of_an_hour_leave_memory_flat_and_miss_nothing():
    async def main():
        crowd = Crowd(
            asr=["tell me something about the deep blue sea"],
            llm=ScriptedLlm(lambda messages: ANSWERS[len(messages) % 3], **REAL),
        )
        talkers = [Talker(crowd.call(), seed) for seed in range(CALLERS)]
        sizes = []

        async def watch():
            for at in (WARM_S, SOAK_S - WARM_S):
                await asyncio.sleep(at)
                sizes.append(blocks())

        await asyncio.gather(watch(), *(talker.talk_for(SOAK_S) for talker in talkers))
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert crowd.queued() == 0
        assert crowd.count("interruptions_total") > 40, "they do interrupt"
        assert crowd.count("false_interruptions_total") > 10, "they do cough"
        assert crowd.count("turns_total", outcome="failed") == 0
        for talker in talkers:
            assert talker.call.session.state.response is None, "nobody is left in the middle of an answer"
            assert talker.answered >= 0.8 * talker.asked, "interruptions join turns, but nobody goes unanswered"
            assert talker.call.session.playout.underruns == 0
        assert sizes[1] - sizes[0] < 3_000, "ten more minutes of three people cost a few traces at most"

    run_virtual(main())


def test_ten_thousand_calls_leave_no_task_no_stream_and_no_memory():
    async def main():
        crowd = Crowd(greeting="Hello there.", llm=ScriptedLlm(sequences=2, **REAL))
        fate = random.Random(7)
        sizes = []
        for number in range(CALLS):
            call = crowd.call()
            if number % 10 == 0:  # hung up in mid-greeting, mid-sentence or mid-answer
                await call.speaks(fate.choice((0.0, TICK_S, 1.2)))
                await call.listens(fate.choice((0.0, TICK_S, 1.2)))
            if number % 10 == 1:
                call.session.type("hello")
                await asyncio.sleep(fate.choice((0.01, 0.1)))
            call.hangs_up()
            del call
            if number in (CALLS // 2, CALLS - 1):
                await asyncio.sleep(1.0)  # steps under way end, unheard
                sizes.append(blocks())
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert crowd.queued() == 0
        assert crowd.engines.llm._open == set()
        assert sizes[1] - sizes[0] < 1_000, "five thousand calls must not cost a block each"

    run_virtual(main())
