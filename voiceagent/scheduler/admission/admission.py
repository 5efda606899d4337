"""How many callers can be carried: reckoned beside the event loop whenever the costs have changed, asked in no time.

A number of callers is carried if the forecast keeps the promise to them: answers begin in time, and do not break off.
Until every kind of step that a conversation asks for has been seen there is no telling, and no number.
"""

import asyncio
import logging
from collections.abc import Collection

from voiceagent.engines.contract import CostKey
from voiceagent.scheduler.admission.demand import Demand
from voiceagent.scheduler.admission.forecast import Forecast, foresee
from voiceagent.scheduler.admission.reckoning import Rest, reckon
from voiceagent.scheduler.costs import CostModel

log = logging.getLogger(__name__)

IN_TIME = 0.95
"""The share of the answers for which the promise is made."""
MARGIN = 0.9
"""The part of the promised time that the forecast may use: simulated sessions waited up to 1.1 times as long as was
foreseen (docs/scheduling.md)."""
MOST_BROKEN = 0.01
"""The share of the answers that may be silent in their midst for a moment."""
RISE = 0.9
"""A larger number than before must hold in so much of the time, or it would go up and down with every whim of the
costs."""
CHANGED = 1.2
"""A cost that is higher or lower by this factor is another."""
LOOK_EVERY_S = 5.0
FIRST_GUESS = 4


class Admission:
    """Knows how many callers can be carried, `most` at most. Answers are to begin within `promise_s`."""

    def __init__(
        self,
        demand: Demand,
        costs: CostModel,
        capacity: int,
        beside: Collection[str] = (),
        *,
        promise_s: float,
        most: int,
    ) -> None:
        self.carried: int | None = None
        """None while that is not known; 0 if the promise cannot be kept even to one."""
        self._demand = demand
        self._costs = costs
        self._capacity = capacity
        self._beside = beside
        self._promise_s = promise_s
        self._most = most
        self._keys = sorted({work.key for work in demand.works()})
        self._rests_on: dict[CostKey, float] = {}
        """The costs that `carried` was reckoned with."""
        self._reckoning = self._closed = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look at the costs now, and every few seconds from now on."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self.start)
        self.look()

    def look(self) -> None:
        """Reckon anew if costs have changed. On the event loop; a few microseconds for each kind of step."""
        if self._reckoning or not all(self._costs.knows(kind) for kind, _ in self._keys):
            return
        costs = {key: self._costs.predict(key) for key in self._keys}
        if not self._rests_on or any(differ(costs[key], self._rests_on[key]) for key in self._keys):
            self._reckoning, self._rests_on = True, costs
            copy = self._costs.copy()
            reckon(lambda rest: self._most_carried(copy, rest), self._take)

    def close(self) -> None:
        """Look no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _most_carried(self, costs: CostModel, rest: Rest) -> int:
        """Return the largest number that is carried, taking it that every smaller one is. Not on the event loop."""
        known = self.carried

        def is_carried(callers: int) -> bool:
            rise = RISE if known is not None and callers > known else 1.0
            forecast = foresee(callers, self._demand, costs, self._capacity, self._beside, on_step=rest)
            return keeps(forecast, rise * self._promise_s)

        carried, next_, too_many = 0, min(self._most, known or FIRST_GUESS), self._most + 1
        while carried + 1 < too_many:
            if is_carried(next_):
                carried, next_ = next_, 2 * next_
            else:
                too_many = next_
            if next_ >= too_many:
                next_ = (carried + too_many) // 2
        return carried

    def _take(self, carried: int | None) -> None:
        self._reckoning = False
        if self._closed or carried is None or carried == self.carried:
            return
        self.carried = carried
        if carried:
            log.info("callers that can be answered in time", extra={"callers": carried, "most": self._most})
        else:
            log.warning(
                "not even one caller can be answered in time: take smaller models, or promise less",
                extra={"scheduler.promise_ms": round(self._promise_s * 1000)},
            )


def keeps(forecast: Forecast, promise_s: float) -> bool:
    """Tell whether a forecast keeps the promise."""
    return forecast.wait_s(IN_TIME) <= MARGIN * promise_s and forecast.broken_share <= MOST_BROKEN


def differ(a_s: float, b_s: float) -> bool:
    """Tell whether two costs are not about the same."""
    return max(a_s, b_s) > CHANGED * min(a_s, b_s)
