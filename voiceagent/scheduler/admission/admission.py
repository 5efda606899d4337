"""How many callers can be carried: reckoned beside the event loop whenever the costs have changed, asked in no time.

A number of callers is carried if the forecast keeps the promise to them: answers begin in time, and do not break off.
The forecast knows the lanes' steps and not the rest of the machine's work, which grows with the callers: packets, their
encryption, other processes. That shows in how much slower steps are than they should be, and each further caller is
taken to add as much to it as those present did.

Until every kind of step that a conversation asks for has been seen there is no telling, and no number.
"""

import asyncio
import logging
from collections.abc import Callable, Collection

from voiceagent.engines.contract import CostKey
from voiceagent.scheduler.admission.demand import Demand
from voiceagent.scheduler.admission.reckoning import Reckoning
from voiceagent.scheduler.admission.search import Question
from voiceagent.scheduler.costs import CostModel

log = logging.getLogger(__name__)

CHANGED = 1.2
"""A cost that is higher or lower by this factor is another."""
LOOK_EVERY_S = 10.0
"""A reckoning takes seconds, and callers come and go in minutes."""


class Admission:
    """Knows how many callers can be carried, `most` at most; `present` says how many there are.

    Answers are to begin within `promise_s`.
    """

    def __init__(
        self,
        demand: Demand,
        costs: CostModel,
        capacity: int,
        beside: Collection[str] = (),
        *,
        promise_s: float,
        most: int,
        present: Callable[[], int],
    ) -> None:
        self.carried: int | None = None
        """None while that is not known; 0 if the promise cannot be kept even to one."""
        self._demand = demand
        self._costs = costs
        self._capacity = capacity
        self._beside = frozenset(beside)
        self._promise_s = promise_s
        self._most = most
        self._present = present
        self._keys = sorted({work.key for work in demand.works()})
        self._rests_on: dict[CostKey, float] = {}
        """The costs that `carried` was reckoned with."""
        self._reckoning: Reckoning | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look at the costs now, and again and again from now on."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self.start)
        self.look()

    def look(self) -> None:
        """Reckon anew if costs have changed. On the event loop; a few microseconds for each kind of step."""
        if self._reckoning is not None or not all(self._costs.knows(kind) for kind, _ in self._keys):
            return
        slowness = 1.0 + self._burden * (self.carried or 1)
        costs = {key: slowness * self._costs.predict(key) for key in self._keys}
        if not self._rests_on or any(differ(costs[key], self._rests_on[key]) for key in self._keys):
            self._rests_on = costs
            self._reckoning = Reckoning(self._question(), self._take)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._reckoning is not None:
            self._reckoning.cancel()

    @property
    def _burden(self) -> float:
        return (self._costs.slowness - 1.0) / max(1, self._present())

    def _question(self) -> Question:
        return Question(
            self._demand,
            self._costs.copy(),  # which goes on learning
            self._capacity,
            self._beside,
            self._promise_s,
            self._most,
            self.carried,
            self._burden,
        )

    def _take(self, carried: int | None) -> None:
        self._reckoning = None
        if carried is None or carried == self.carried:
            return
        self.carried = carried
        if carried:
            log.info("callers that can be answered in time", extra={"callers": carried, "most": self._most})
        else:
            log.warning(
                "not even one caller can be answered in time: take smaller models, or promise less",
                extra={"scheduler.promise_ms": round(self._promise_s * 1000)},
            )


def differ(a_s: float, b_s: float) -> bool:
    """Tell whether two costs are not about the same."""
    return max(a_s, b_s) > CHANGED * min(a_s, b_s)
