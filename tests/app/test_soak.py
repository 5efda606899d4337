"""Turn after turn, call after call, and minutes of several callers leave nothing behind."""

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


def count_memory(objects: list[int], blocks: list[int]) -> None:
    """Note how many objects there are that may refer to others, and how many small blocks of memory are in use."""
    gc.collect()
    objects.append(len(gc.get_objects()))
    blocks.append(sys.getallocatedblocks())


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


@pytest.mark.exhaustive(quick=3 * 60, full=16 * 60)
def test_callers_who_talk_and_interrupt_for_minutes_leave_memory_flat_and_miss_nothing(size):
    async def main():
        crowd = Crowd(
            asr=["tell me something about the deep blue sea"],
            llm=ScriptedLlm(lambda messages: ANSWERS[len(messages) % 3], **REAL),
        )
        talkers = [Talker(crowd.call(), seed) for seed in range(CALLERS)]
        objects, blocks = [], []
        for _ in range(2):
            await asyncio.gather(*(talker.talk_for(size / 2) for talker in talkers))
            count_memory(objects, blocks)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert crowd.queued() == 0
        assert crowd.count("interruptions_total") > size / 24, "they do interrupt"
        assert crowd.count("false_interruptions_total") > size / 96, "they do cough"
        assert crowd.count("turns_total", outcome="failed") == 0
        for talker in talkers:
            assert talker.call.session.state.response is None, "nobody is left in the middle of an answer"
            assert talker.answered >= 0.8 * talker.asked, "interruptions join turns, but nobody goes unanswered"
            assert talker.call.session.playout.underruns == 0
        assert objects[1] - objects[0] < 300, "more minutes of three people cost a few traces at most"
        assert blocks[1] - blocks[0] < 2_000

    run_virtual(main())


@pytest.mark.exhaustive(quick=360, full=1_000)
def test_turn_after_turn_leaves_no_task_and_no_memory(size):
    """The last quarter of the turns: before it, what is remembered of steps and their costs still fills."""

    async def main():
        crowd = Crowd(llm=ScriptedLlm(lambda messages: "Fine.", **REAL))
        call = crowd.call()
        objects, blocks = [], []
        for turn in range(size):
            call.session.type("hello there")
            await call.listens(0.3)
            if turn % 7 == 0:
                call.session.stop_speaking()
            await call.listens(0.72)
            call.clear()
            if turn in (3 * size // 4, size - 1):
                count_memory(objects, blocks)
                assert asyncio.all_tasks() == {asyncio.current_task()}
        turns = size // 4
        assert crowd.count("turns_total", outcome="completed") > 0.8 * size
        assert objects[1] - objects[0] < 0.1 * turns, "of what a turn makes, no object stays"
        assert blocks[1] - blocks[0] < 4 * turns, "a turn must not cost 250 bytes"

    run_virtual(main())


@pytest.mark.exhaustive(quick=(1_000, 2_500), full=(10_000, 1_000))
def test_call_after_call_leaves_no_task_no_stream_and_no_memory(size):
    calls, most_blocks = size

    async def main():
        crowd = Crowd(greeting="Hello there.", llm=ScriptedLlm(sequences=2, **REAL))
        fate = random.Random(7)
        objects, blocks = [], []
        for number in range(calls):
            call = crowd.call()
            if number % 10 == 0:  # hung up in mid-greeting, mid-sentence or mid-answer
                await call.speaks(fate.choice((0.0, TICK_S, 1.2)))
                await call.listens(fate.choice((0.0, TICK_S, 1.2)))
            if number % 10 == 1:
                call.session.type("hello")
                await asyncio.sleep(fate.choice((0.01, 0.1)))
            call.hangs_up()
            del call
            if number in (calls // 2, calls - 1):
                await asyncio.sleep(1.0)  # steps under way end, unheard
                count_memory(objects, blocks)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert crowd.queued() == 0
        assert crowd.engines.llm._open == set()
        assert objects[1] - objects[0] < 400, "no call leaves an object"
        assert blocks[1] - blocks[0] < most_blocks, "nor a block"

    run_virtual(main())
