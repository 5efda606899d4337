"""The engine between its two threads: a real lane, and callers who change their minds while it computes."""

import asyncio
import random
from pathlib import Path

import pytest
from llama_talk import SYSTEM, Caller, Oracle, loaded, tiny, user

from benchmarks.dummies.gguf_shape import Kind
from voiceagent.scheduler.lane import ThreadLane
from voiceagent.scheduler.scheduler import Scheduler


@pytest.mark.parametrize("kind", ["plain", "hybrid"])
def test_callers_may_change_their_minds_while_the_lane_computes(kind: Kind, tmp_path: Path) -> None:
    path = tiny(tmp_path, kind)
    oracle = Oracle(path)
    engine = loaded(path)
    lane = ThreadLane("llm")
    rng = random.Random(1)

    async def talk(scheduler: Scheduler) -> None:
        callers = [Caller(engine) for _ in range(3)]
        for generation in range(60):
            place = rng.randrange(3)
            if rng.random() < 0.2:
                callers[place].stream.close()
                callers[place] = Caller(engine)
            caller = callers[place]
            asked = (SYSTEM, user(f"Question {generation}?"))
            caller.stream.generate(generation, asked, scheduler_time())
            for _ in range(rng.randrange(40)):
                await asyncio.sleep(0)
            if rng.random() < 0.5:
                caller.stream.cancel(generation)
                continue
            while not caller.ended(generation):
                assert not caller.failures
                await asyncio.sleep(0)
            assert caller.text(generation) == oracle.reply(*asked)
        scheduler.close()

    def scheduler_time() -> float:
        return asyncio.get_running_loop().time()

    async def main() -> None:
        await talk(Scheduler({"llm": engine}, {"llm": lane}, concurrency=1))

    asyncio.run(main())
    lane.close()
    engine.close()
    oracle.close()
