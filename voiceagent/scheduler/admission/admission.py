"""The capacity: how many callers can be answered in time. Computed in another process when costs have changed.

A number of callers is within capacity if the forecast keeps the promise to them: answers begin in time, and do not
break off. The forecast knows the lanes' steps, not the rest of the machine's work; `contention.py` says what that adds.

A forecast is as good as the last seconds are typical: what counts is the least number of the last half minute. And
for many more callers than have been seen it is worth little: so the first half of the number may come all at once, and
after that one at a time, the next when it has been seen what the last did to everybody.

Until every kind of step that a conversation asks for has been seen there is no telling, and no number; nor is there
where no engine says which steps those are.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection
from math import inf
from time import monotonic

from voiceagent.engines.contract import CostKey
from voiceagent.scheduler.admission.contention import Contention, ContentionEstimator
from voiceagent.scheduler.admission.demand import Demand
from voiceagent.scheduler.admission.search import Question
from voiceagent.scheduler.admission.worker import ForecastProcess
from voiceagent.scheduler.costs import CostModel

log = logging.getLogger(__name__)

CHANGED = 1.2
"""A cost that is higher or lower by this factor is another."""
LOOK_EVERY_S = 5.0
"""A reckoning takes seconds, and callers come and go in minutes."""
HOLD_S = 30.0
"""A number holds for so long, and is reckoned anew after it while somebody is there: a lucky moment lets nobody in, and
an unlucky one does not turn people away for long."""
SETTLE_S = 10.0
"""So long after somebody has come the costs tell of them: the first question is asked, and its answer under way."""


class Admission:
    """Knows the capacity in callers, at most `most`; `present` says how many there are.

    Answers are to begin within `promise_s`; `now` is any clock in seconds.
    """

    def __init__(
        self,
        demand: Demand,
        costs: CostModel,
        concurrency: int,
        off_device: Collection[str] = (),
        *,
        promise_s: float,
        most: int,
        present: Callable[[], int],
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.capacity: int | None = None
        """None while that is not known; 0 if the promise cannot be kept even to one."""
        self._demand = demand
        self._costs = costs
        self._concurrency = concurrency
        self._off_device = frozenset(off_device)
        self._promise_s = promise_s
        self._most = most
        self._present = present
        self._now = now
        self._contention = ContentionEstimator(demand)
        self._keys = sorted({work.key for work in demand.works()})
        self._rests_on: dict[CostKey, float] = {}
        """The costs that `capacity` was reckoned with."""
        self._process: ForecastProcess | None = None
        self._asked_at = -inf
        """When what is being reckoned was seen."""
        self._reckoned: deque[tuple[float, int]] = deque()
        """When what was seen, and the number that came of it."""
        self._settled_at = -inf
        """When what `capacity` tells of was seen last."""
        self._arrived_at = -inf
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look at the costs now, and again and again from now on."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self.start)
        self.look()

    def arrived(self) -> None:
        """Take note that somebody has come."""
        self._arrived_at = self._now()

    @property
    def is_settling(self) -> bool:
        """Whether the next has to wait until it is seen how everybody fares with the last."""
        is_near = self.capacity is not None and 2 * self._present() >= self.capacity
        return is_near and self._settled_at < self._arrived_at + SETTLE_S

    def look(self) -> None:
        """Reckon anew if costs have changed, or it was long ago. A few microseconds for each kind of step."""
        if not self._keys or not all(self._costs.knows(kind) for kind, _ in self._keys):
            return
        self._update()
        contention = self._contention.estimate(self._costs, self._present())
        if self._process is not None:
            return
        times = contention.times(self.capacity or 1)
        costs = {key: times * self._costs.predict(key) for key in self._keys}
        is_old = self._present() > 0 and self._now() >= self._asked_at + HOLD_S
        if is_old or not self._rests_on or any(differ(costs[key], self._rests_on[key]) for key in self._keys):
            self._rests_on = costs
            self._asked_at = self._now()
            self._process = ForecastProcess(self._question(contention), self._take)
        else:
            self._settled_at = self._now()

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None:
            self._process.cancel()

    def _question(self, contention: Contention) -> Question:
        return Question(
            self._demand,
            self._costs.copy(),  # which goes on learning
            self._concurrency,
            self._off_device,
            self._promise_s,
            self._most,
            self._reckoned[-1][1] if self._reckoned else None,
            contention,
        )

    def _take(self, number: int | None) -> None:
        self._process = None
        if number is not None:
            self._reckoned.append((self._asked_at, number))
            self._settled_at = self._asked_at
            self._update()

    def _update(self) -> None:
        """Let go of numbers that hold no longer, and tell if that, or a new one, makes a difference."""
        while len(self._reckoned) > 1 and self._reckoned[0][0] < self._now() - HOLD_S:
            self._reckoned.popleft()
        capacity = min((number for _, number in self._reckoned), default=None)
        if capacity == self.capacity:
            return
        self.capacity = capacity
        if capacity:
            log.info("callers that can be answered in time", extra={"callers": capacity, "most": self._most})
        else:
            log.warning(
                "not even one caller can be answered in time: take smaller models, or promise less",
                extra={"scheduler.promise_ms": round(self._promise_s * 1000)},
            )


def differ(a_s: float, b_s: float) -> bool:
    """Tell whether two costs are not about the same."""
    return max(a_s, b_s) > CHANGED * min(a_s, b_s)
