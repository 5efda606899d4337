"""Policies without regard to listeners, to compare ours with: first in, first out; and lanes that take turns."""

from collections.abc import Collection, Sequence

from voiceagent.engines.contract import Batch
from voiceagent.scheduler.policy import Costs, Decision, Running, Start, rooms


def fifo(
    now: float,
    offered: Sequence[Batch],
    running: Sequence[Running],
    costs: Costs,
    concurrency: int,
    off_device: Collection[str] = (),
) -> Decision:
    """Choose the batches that have waited longest, whatever their need; takes what `decide` takes."""
    free, rest, busy = rooms(offered, running, costs, off_device)
    first = sorted(rest, key=lambda batch: batch.place)[: max(0, concurrency - len(busy))]
    return Decision(tuple(Start(batch) for batch in (*free, *first)))


class RoundRobin:
    """A policy that lets the lanes take turns."""

    def __init__(self) -> None:
        self._served: dict[str, int] = {}

    def __call__(
        self,
        now: float,
        offered: Sequence[Batch],
        running: Sequence[Running],
        costs: Costs,
        concurrency: int,
        off_device: Collection[str] = (),
    ) -> Decision:
        """Choose the lanes whose last turn is the longest ago; takes what `decide` takes."""
        turns = [Batch(b.lane, b.cost_key, 0, b.streams, b, place=self._served.get(b.lane, -1)) for b in offered]
        chosen = [start.batch.work for start in fifo(now, turns, running, costs, concurrency, off_device).start]
        batches = [batch for batch in chosen if isinstance(batch, Batch)]
        for batch in batches:
            self._served[batch.lane] = max(self._served.values(), default=0) + 1
        return Decision(tuple(map(Start, batches)))
