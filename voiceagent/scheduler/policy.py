"""Contract 2: which steps to start now, as a pure function.

Every offered batch states how a delay is heard (`Need`), and `decide` goes by it:

- An answer under way must not break off. Steps *promised* for a deadline run earliest deadline first, which keeps every
  set of promises that can be kept. (Least slack, deadline - now - cost, does not: a step cannot be interrupted, so a
  long one that is due later must not run before a short one.)
- Callers should wait no longer than that takes. Steps *awaited* in silence run first, the longest wait before the
  others, as long as all promises can still be kept afterwards.
- Guesses cost callers nothing: *speculative* work takes the time that remains, if any.
- Programs that wait without a caller get what is left of that: work in the *background* starts only while the device
  does nothing for callers and has nothing to do for them, since a step that has begun cannot be taken back. A step that
  has waited for `PATIENCE_S` counts as awaited since then, so that such work does not starve.

So an overloaded device answers late rather than with gaps; admission prevents overload.

A promised step that other streams will soon join (`Batch.expected_joiners`) waits for them as long as its slack allows.
A step that overlaps others may end sooner than one that waits for them, or may slow them down: the cost model's
slow-downs decide. It starts if it gains time, breaks no promise of theirs, and delays more urgent steps by no more than
it gains.
Lanes on another device than the rest (a turn detector on the CPU while the models are on a GPU) neither count towards
`concurrency` nor wait for it.

Knows no clocks, threads or models: the same function runs live, in virtual time and under property tests.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from heapq import heapreplace
from math import inf
from typing import Protocol

from voiceagent.engines.contract import Batch, CostKey, Need, claim

NEGLIGIBLE_S = 0.002
"""A step shorter than this (voice activity detection) is started at once: waiting would cost more than running."""
JOIN_MARGIN_S = 0.06
"""A step that waits for joiners starts this long before it must: the step then under way may be a long one."""


class Costs(Protocol):
    """Predicts step times."""

    def predict(self, key: CostKey) -> float:
        """Return the expected seconds of a step that runs alone."""

    def least(self, key: CostKey) -> float:
        """Return the seconds of a step that nothing holds up, not even waiting for the interpreter."""

    def slowdown(self, lane: str, other: str) -> float:
        """Return how many times longer a lane's steps take while another lane's step runs; at least 1."""


@dataclass(frozen=True, slots=True)
class Running:
    """A step under way, and when it should end."""

    batch: Batch
    until: float


@dataclass(frozen=True, slots=True)
class Start:
    """A step to start, and when it should end to keep every promise; if it cannot, it is made as small as possible."""

    batch: Batch
    by: float = inf


@dataclass(frozen=True, slots=True)
class Decision:
    """What to start now, most urgent first, and when to ask again if nothing happens before."""

    start: tuple[Start, ...] = ()
    again: float | None = None


class Policy(Protocol):
    """Decides what the scheduler runs."""

    def __call__(
        self,
        now: float,
        offered: Sequence[Batch],
        running: Sequence[Running],
        costs: Costs,
        concurrency: int,
        off_device: Collection[str] = (),
    ) -> Decision:
        """Choose the batches to start now."""


def decide(
    now: float,
    offered: Sequence[Batch],
    running: Sequence[Running],
    costs: Costs,
    concurrency: int,
    off_device: Collection[str] = (),
) -> Decision:
    """Choose the batches to start now.

    `offered` and `running` together hold at most one batch per lane; `concurrency` is how many steps the device runs at
    once (cores on a CPU, 1 on a GPU that runs one kernel after the other); `off_device` names the lanes that run on
    another device.
    """
    free, rest, busy = rooms(offered, running, costs, off_device)
    queues: dict[Need, list[Batch]] = {need: [] for need in Need}
    for batch in sorted(rest, key=lambda batch: (batch.need, batch.deadline)):
        claimed = _claimed(batch, now)
        queues[claimed.need].append(claimed)
    queues[Need.AWAITED].sort(key=lambda batch: batch.deadline)
    promised = queues[Need.PROMISED]
    waits = {id(batch): latest for batch in promised if (latest := _latest_start(batch, costs)) > now}
    started: list[Start] = []
    while len(busy) < concurrency:
        ready = [batch for batch in promised if id(batch) not in waits]
        in_order = (*queues[Need.AWAITED], *ready, *queues[Need.SPECULATIVE], *queues[Need.BACKGROUND])
        chosen = next(iter(in_order), None)
        if chosen is None or (chosen.need is Need.BACKGROUND and _serves_callers(busy, waits)):
            break
        if (
            promised
            and chosen.need is not Need.PROMISED
            and not _keeps(promised, chosen, now, busy, concurrency, costs)
        ):
            chosen = promised[0]
        queues[chosen.need].remove(chosen)
        if _gains(chosen, now, busy, costs):
            started.append(Start(chosen, _bound(chosen, promised, now, costs)))
            busy.append(Running(chosen, now + costs.predict(chosen.cost_key)))
    still = [waits[id(batch)] for batch in promised if id(batch) in waits]
    return Decision((*(Start(batch) for batch in free), *started), min(still, default=None))


def _claimed(batch: Batch, now: float) -> Batch:
    need, deadline = claim(batch.need, batch.deadline, now)
    return batch if need is batch.need else replace(batch, need=need, deadline=deadline)


def _serves_callers(busy: Sequence[Running], waits: Collection[int]) -> bool:
    """Return whether the device does something for callers, or will soon."""
    return bool(waits) or any(step.batch.need is not Need.BACKGROUND for step in busy)


def rooms(
    offered: Sequence[Batch], running: Sequence[Running], costs: Costs, off_device: Collection[str]
) -> tuple[list[Batch], list[Batch], list[Running]]:
    """Return the offered batches outside `concurrency`, those it limits, and the running steps it counts."""

    def roomy(batch: Batch) -> bool:
        return batch.lane not in off_device and costs.least(batch.cost_key) > NEGLIGIBLE_S

    free = [batch for batch in offered if not roomy(batch)]
    return free, [batch for batch in offered if roomy(batch)], [step for step in running if roomy(step.batch)]


def _latest_start(batch: Batch, costs: Costs) -> float:
    """Return until when a promised step may wait for joiners; -inf where none is expected."""
    return batch.deadline - costs.predict(batch.cost_key) - JOIN_MARGIN_S if batch.expected_joiners else -inf


def _keeps(
    promised: Sequence[Batch], first: Batch, now: float, busy: Sequence[Running], concurrency: int, costs: Costs
) -> bool:
    """Return whether every promise is kept if `first` runs first and they follow in the order of their deadlines."""
    rooms = sorted(max(now, step.until) for step in busy)[-concurrency:]
    rooms = [now] * (concurrency - len(rooms)) + rooms
    heapreplace(rooms, rooms[0] + costs.predict(first.cost_key))
    for batch in promised:
        end = rooms[0] + costs.predict(batch.cost_key)
        if end > batch.deadline:
            return False
        heapreplace(rooms, end)
    return True


def _gains(batch: Batch, now: float, busy: Sequence[Running], costs: Costs) -> bool:
    """Return whether to start now, next to the running steps, rather than when the first of them ends."""
    if not busy:
        return True
    alone = costs.predict(batch.cost_key)
    together = alone * max(costs.slowdown(batch.lane, step.batch.lane) for step in busy)
    gain = max(0.0, min(step.until for step in busy) - now) + alone - together
    if gain < 0:
        return False
    for step in busy:
        delay = (costs.slowdown(step.batch.lane, batch.lane) - 1.0) * min(together, max(0.0, step.until - now))
        if delay > gain and step.batch.need < batch.need:
            return False
        if step.batch.need is Need.PROMISED and step.until <= step.batch.deadline < step.until + delay:
            return False
    return True


def _bound(batch: Batch, promised: Sequence[Batch], now: float, costs: Costs) -> float:
    """Return when a step must end to break no promise: its own, or that of a step that must start then."""
    own = batch.deadline if batch.need is Need.PROMISED and batch.deadline > now else inf
    return min([own, *(other.deadline - costs.predict(other.cost_key) for other in promised)])
