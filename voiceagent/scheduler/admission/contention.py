"""How much slower callers make every step: what they cost beside their steps, which no lane tells.

Packets, their encryption, the event loop, caches, other processes: that grows with the callers, and faster than their
number where processors fill up. So each further caller is taken to slow every step down by the same factor as each of
those present did. What all of them do together is seen: steps take longer than on the same machine at its quickest. The
machine counts as one of them, for it has business of its own, and slow days. And as the next minutes may be worse than
the last, steps are foreseen as with one caller more than is asked for.
"""

from collections import deque
from dataclasses import dataclass
from math import inf

from voiceagent.scheduler.admission.demand import Demand
from voiceagent.scheduler.costs import CostModel

REMEMBERED = 12
"""Looks at a house with callers after which costs no longer tell of those who have left."""
RESERVE = 1
"""Callers more than there are: where they hardly slow steps down, it costs nothing."""


@dataclass(frozen=True, slots=True)
class Contention:
    """What so many callers do to steps; nothing, if nobody is there."""

    present: int = 0
    slowness: float = 1.0
    """How many times as long as the costs say steps take with them."""
    whole: float = 1.0
    """How many times as long as at the machine's quickest."""

    def times(self, callers: int) -> float:
        """Return how many times as long as the costs say steps may take with so many.

        With more than twice as many as are present as with twice as many: nobody knows, and a little noise would grow
        beyond all measure.
        """
        if not self.present:
            return 1.0
        further = min(callers, 2 * self.present) + RESERVE - self.present
        return float(self.slowness * self.whole ** (further / (self.present + 1)))


NO_CONTENTION = Contention()


class ContentionEstimator:
    """Weighs the callers again and again, a few microseconds each time."""

    def __init__(self, demand: Demand) -> None:
        self._works = tuple(demand.works())
        self._quickest_s = inf
        """What the steps of a conversation, each kind's once, took at least."""
        self._seen: deque[int] = deque(maxlen=REMEMBERED)

    def estimate(self, costs: CostModel, present: int) -> Contention:
        """Return the contention of those present; of more than those while costs still tell of others."""
        if present:
            self._seen.append(present)
        most = max(self._seen, default=0)
        seconds = sum(work.times * costs.predict(work.key) for work in self._works)
        if most == 1 and len(self._seen) == REMEMBERED:  # this is how quick the machine is today
            self._quickest_s = seconds
        self._quickest_s = min(self._quickest_s, seconds)
        slowness = costs.slowness
        return Contention(most, slowness, slowness * seconds / self._quickest_s)
