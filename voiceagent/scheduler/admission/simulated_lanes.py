"""What simulated callers are connected to: the lanes, and how work is submitted to them."""

import asyncio
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from itertools import chain, count, repeat

from voiceagent.engines.contract import CostKey, Need
from voiceagent.engines.queue import Job
from voiceagent.engines.scripted import ScriptedEngine, ScriptedStep
from voiceagent.engines.steps import Listening, Works
from voiceagent.scheduler.admission.demand import Demand
from voiceagent.scheduler.costs import CostModel, lane_of
from voiceagent.scheduler.policy import NEGLIGIBLE_S


@dataclass(frozen=True, slots=True)
class SimulatedLanes:
    """The lanes of a server with `callers` callers."""

    demand: Demand
    costs: CostModel
    lanes: Mapping[str, ScriptedEngine]
    callers: int
    _tags: "count[int]" = field(default_factory=count)

    def matters(self, listening: Listening) -> bool:
        """Return whether it needs simulating: a step that is negligible even for all callers together never waits."""
        sizes = [(work.key[0], work.key[1] * min(work.share, self.callers)) for work in listening.works]
        return any(self.costs.least(key) > NEGLIGIBLE_S for key in sizes)

    def tag(self) -> int:
        """Return a name for work whose deadline will change."""
        return next(self._tags)

    async def run(self, caller: int, works: Works, deadline: float, need: Need, tag: int | None = None) -> None:
        """Run some steps, all on one lane."""
        if not works:
            return
        lane = self.lanes[lane_of(works[0].key)]
        done = asyncio.get_running_loop().create_future()

        def end(event: object) -> None:
            if not done.done():
                done.set_result(event)

        keys = list(chain.from_iterable(repeat(work.key, work.times) for work in works))
        tag = self.tag() if tag is None else tag
        lane.submit(Job(caller, tag, deadline, keys[0], _steps(keys[1:]), end, need))
        await done

    def cancel(self, caller: int, tag: int) -> None:
        """Drop work; a step under way still ends. A task that awaits the work gets no result."""
        for lane in self.lanes.values():
            lane.cancel(caller, tag)

    def reschedule(self, caller: int, works: Works, tag: int, deadline: float, need: Need) -> None:
        """Move the deadline of queued work."""
        if works:
            self.lanes[lane_of(works[0].key)].reschedule(caller, tag, deadline, need=need)


def _steps(following: list[CostKey]) -> Generator[ScriptedStep, None, None]:
    """Yield a step, and one for each key that follows."""
    for key in following:
        yield ScriptedStep(None, key)
    yield ScriptedStep("done")
