"""How much each caller slows every step down, beyond the steps themselves (packets, event loop, caches).

Packets, their encryption, the event loop, caches, other processes: this load grows with the callers, and faster than
their number where processors fill up. So each further caller is assumed to slow every step down by the same factor as
each one present. Their combined effect is measured: steps take longer than on the same machine at its fastest. The
machine counts as one more caller, because it has other work and slow days. As the next minutes may be worse than the
last, steps are predicted for one caller more than asked for.
"""

from collections import deque
from dataclasses import dataclass
from math import inf

from voiceagent.scheduler.admission.demand import Demand
from voiceagent.scheduler.costs import CostModel

REMEMBERED = 12
"""Looks with callers present after which costs no longer reflect those who have left."""
RESERVE = 1
"""Extra callers assumed: where callers hardly slow steps down, they cost nothing."""


@dataclass(frozen=True, slots=True)
class Contention:
    """How the callers present slow steps down; not at all when there are none."""

    present: int = 0
    slowness: float = 1.0
    """How many times as long as the costs predict steps take with them."""
    whole: float = 1.0
    """How many times as long as on the machine at its fastest."""

    def times(self, callers: int) -> float:
        """Return how many times as long as the costs predict steps may take with `callers`.

        The factor for twice the callers present is the limit: beyond that it is unknown, and the power would magnify a
        little noise without bound.
        """
        if not self.present:
            return 1.0
        further = min(callers, 2 * self.present) + RESERVE - self.present
        return float(self.slowness * self.whole ** (further / (self.present + 1)))


NO_CONTENTION = Contention()


class ContentionEstimator:
    """Estimates contention repeatedly, in a few microseconds each time."""

    def __init__(self, demand: Demand) -> None:
        self._works = tuple(demand.works())
        self._quickest_s = inf
        """The least that the steps of a conversation, one of each kind, have taken in all."""
        self._seen: deque[int] = deque(maxlen=REMEMBERED)

    def estimate(self, costs: CostModel, present: int) -> Contention:
        """Return the contention of the callers present, and of those who left while costs still reflect them."""
        if present:
            self._seen.append(present)
        most = max(self._seen, default=0)
        seconds = sum(work.times * costs.predict(work.key) for work in self._works)
        if most == 1 and len(self._seen) == REMEMBERED:  # this is the machine's speed today
            self._quickest_s = seconds
        self._quickest_s = min(self._quickest_s, seconds)
        slowness = costs.slowness
        return Contention(most, slowness, slowness * seconds / self._quickest_s)
