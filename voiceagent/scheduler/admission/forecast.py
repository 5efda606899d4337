"""How long a number of callers would wait, and how often their answers would break off: a simulation.

The real scheduler and policy run on the virtual clock with engines that do nothing: a conversation is what it asks of
the lanes (`demand.py`), and a step takes as long as the cost model has seen such steps take. Callers join at different
moments and talk as in `simulated_caller.py`. The same arguments give the same forecast.

Knows no session, no engine and no text. It is only as accurate as the demand and the costs.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from random import Random

from voiceagent.engines.contract import Batch, CostKey
from voiceagent.engines.queue import Job
from voiceagent.engines.scripted import ScriptedEngine
from voiceagent.scheduler.admission.demand import Demand
from voiceagent.scheduler.admission.simulated_caller import Caller
from voiceagent.scheduler.admission.simulated_lanes import SimulatedLanes
from voiceagent.scheduler.admission.virtual_device import VirtualDevice
from voiceagent.scheduler.costs import STRAGGLER, CostModel, lane_of
from voiceagent.scheduler.policy import Policy, decide
from voiceagent.scheduler.scheduler import Scheduler
from voiceagent.scheduler.virtual import run_virtual

QUESTION_S = 12.0
"""About how long a question, its answer and the thought after it take."""
LEAST_S = 24.0
"""At first fewer callers talk than later, so that more than a question each is needed."""
SLOWEST_TOO = 1.02
"""Random quantiles up to 1.0 are hardly ever 1.0; with this, the slowest step seen comes twice in a hundred."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the callers would hear."""

    waits_s: tuple[float, ...]
    """From a question's end to the first sound of its answer, sorted; the wait so far where there is none yet."""
    broken: int
    """Answers with a silence in the middle."""
    busy: dict[str, float]
    """The share of the time that each lane's steps would take alone."""

    def wait_s(self, q: float) -> float:
        """Return the seconds that a share `q` (0 to 1) of the questions wait at most."""
        return self.waits_s[round(q * (len(self.waits_s) - 1))]

    @property
    def broken_share(self) -> float:
        """The share of the answers with a silence in the middle."""
        return self.broken / len(self.waits_s)


def simulate(
    callers: int,
    demand: Demand,
    costs: CostModel,
    concurrency: int,
    off_device: Collection[str] = (),
    *,
    policy: Policy = decide,
    questions: int = 100,
) -> Forecast:
    """Let `callers` ask about `questions` in all, at least a few each, in virtual time.

    The costs are not changed.
    """
    simulation = _Simulation(callers, demand, costs)
    return run_virtual(simulation.run(max(LEAST_S, questions * QUESTION_S / callers), concurrency, off_device, policy))


class ImaginedLane(ScriptedEngine):
    """An engine that does nothing, and shares its steps as the demand states; every caller is always heard."""

    def __init__(self, name: str, demand: Demand, callers: int) -> None:
        super().__init__(name, _Shares({work.key[0]: work.share for work in demand.works()}), lambda seconds: None)
        heard = (work for listening in demand.listening if listening.always for work in listening.works)
        self._sharing = {work.key[0]: min(work.share, callers) for work in heard}

    def sharing(self, kind: str) -> int:
        """Return how many callers have, or will soon have, work of a kind."""
        return self._sharing.get(kind, 0)

    def pending(self, now: float) -> Batch | None:
        """Return the most urgent step; its size is the sum of the parts of all who share it."""
        batch = super().pending(now)
        if batch is None or isinstance(batch.work, Job):
            return batch
        assert isinstance(batch.work, tuple)
        return replace(batch, cost_key=(batch.cost_key[0], sum(job.cost_key[1] for job in batch.work)))


@dataclass(frozen=True, slots=True)
class _Shares:
    """How many callers a step of each kind can serve. The virtual device decides how long it takes."""

    shares: dict[str, int]

    def cost_s(self, cost_key: CostKey) -> float:
        """Return 0: running it takes no time."""
        return 0.0

    def batch_limit(self, kind: str) -> int:
        """Return how many streams a step of this kind takes at most."""
        return self.shares[kind]


class _Simulation:
    """The lanes and the callers."""

    def __init__(self, callers: int, demand: Demand, costs: CostModel) -> None:
        self._callers = callers
        self._demand = demand
        self._costs = costs
        self._dice = Random(0)
        names = sorted({lane_of(work.key) for work in demand.works()})
        self._lanes = {name: ImaginedLane(name, demand, callers) for name in names}
        self._busy_s = dict.fromkeys(self._lanes, 0.0)

    async def run(self, seconds: float, concurrency: int, off_device: Collection[str], policy: Policy) -> Forecast:
        """Let all callers talk for `seconds`."""
        lanes = dict.fromkeys(self._lanes, VirtualDevice(self._costs, self._alone_s, off_device))
        scheduler = Scheduler(self._lanes, lanes, concurrency, self._costs.copy(), policy=policy, off_device=off_device)
        line = SimulatedLanes(self._demand, self._costs, self._lanes, self._callers)
        people = [Caller(number, line) for number in range(self._callers)]
        talks = [asyncio.create_task(person.talk()) for person in people]
        done, _ = await asyncio.wait(talks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for broken_off in done:
            broken_off.result()
        scheduler.close()
        waits_s = sorted(wait_s for person in people for wait_s in person.waits_s())
        busy = {lane: busy_s / seconds for lane, busy_s in self._busy_s.items()}
        return Forecast(tuple(waits_s), sum(answer.broken for person in people for answer in person.answers), busy)

    def _alone_s(self, batch: Batch) -> float:
        """Draw a step's time from the times of such steps; these costs do not learn from their own draws."""
        drawn_s = self._costs.quantile(batch.cost_key, min(1.0, self._dice.random() * SLOWEST_TOO))
        seconds = min(drawn_s, STRAGGLER * self._costs.predict(batch.cost_key))
        self._busy_s[batch.lane] += seconds
        return seconds
