"""The capacity: how many callers can be answered in time. Computed in another process when costs have changed.

A number of callers is within capacity if the forecast keeps the promise to them: answers begin in time, and do not
break off. The forecast knows the lanes' steps, not the rest of the machine's work, which `contention.py` estimates.

A forecast assumes that the last seconds are typical, so the capacity is the lowest number of the last half minute. It
is unreliable far beyond the callers already seen, so the first half of the capacity may join all at once, and after
that one caller at a time, once the effect of the last one is known.

There is no number until every kind of step that a conversation needs has been seen, and none where no engine declares
its steps.
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
"""A cost that is higher or lower by this factor has changed."""
LOOK_EVERY_S = 5.0
"""A forecast takes seconds, and callers come and go in minutes."""
HOLD_S = 30.0
"""How long a number is valid; it is then recomputed while callers are present. A lucky moment admits no caller, and an
unlucky one does not turn callers away for long."""
REST = 3.0
"""No forecast begins within this many times as long as the last one took, at most HOLD_S: of two cores it takes one,
and answers came twice as late while one was under way."""
SETTLE_S = 10.0
"""How long after a caller joins the costs reflect it: the first question is asked, and its answer under way."""


class Admission:
    """Knows the capacity in callers, at most `most`; `present` returns how many are connected.

    Answers should begin within `promise_s`; `now` is any clock in seconds.
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
        """None while unknown; 0 if the promise cannot be kept even to one caller."""
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
        """The costs that `capacity` was computed from."""
        self._process: ForecastProcess | None = None
        self._rest_until = -inf
        self._asked_at = -inf
        """When the costs of the forecast under way were seen."""
        self._computed: deque[tuple[float, int]] = deque()
        """When the costs of each recent forecast were seen, and its number."""
        self._settled_at = -inf
        """When the costs behind `capacity` were last seen."""
        self._arrived_at = -inf
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look at the costs now, and every LOOK_EVERY_S from now on."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self.start)
        self.look()

    def arrived(self) -> None:
        """Record that a caller has joined."""
        self._arrived_at = self._now()

    def answer_awaited(self) -> None:
        """Leave the machine to an answer that a caller begins to wait for."""
        if self._process is not None:
            self._process.pause()

    @property
    def is_settling(self) -> bool:
        """Whether the next caller must wait until the effect of the last one is known."""
        is_near = self.capacity is not None and 2 * self._present() >= self.capacity
        return is_near and self._settled_at < self._arrived_at + SETTLE_S

    def look(self) -> None:
        """Start a forecast if costs have changed or the last is old. Takes a few microseconds per kind of step."""
        if not self._keys or not all(self._costs.knows(kind) for kind, _ in self._keys):
            return
        self._update()
        contention = self._contention.estimate(self._costs, self._present())
        if self._process is not None or self._now() < self._rest_until:
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
        """Stop looking, and end the forecast under way."""
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None:
            self._process.cancel()

    def _question(self, contention: Contention) -> Question:
        return Question(
            self._demand,
            self._costs.copy(),  # the original goes on learning
            self._concurrency,
            self._off_device,
            self._promise_s,
            self._most,
            self._computed[-1][1] if self._computed else None,
            contention,
        )

    def _take(self, number: int | None) -> None:
        self._process = None
        self._rest_until = self._now() + min(HOLD_S, REST * (self._now() - self._asked_at))
        if number is not None:
            self._computed.append((self._asked_at, number))
            self._settled_at = self._asked_at
            self._update()

    def _update(self) -> None:
        """Drop numbers that are no longer valid, and log a change of the capacity."""
        while len(self._computed) > 1 and self._computed[0][0] < self._now() - HOLD_S:
            self._computed.popleft()
        capacity = min((number for _, number in self._computed), default=None)
        if capacity == self.capacity:
            return
        self.capacity = capacity
        if capacity:
            log.info("callers that can be answered in time", extra={"callers": capacity, "most": self._most})
        else:
            log.warning(
                "not even one caller can be answered in time: use smaller models, or raise scheduler.promise_ms",
                extra={"scheduler.promise_ms": round(self._promise_s * 1000)},
            )


def differ(a_s: float, b_s: float) -> bool:
    """Return whether two costs differ by more than `CHANGED`."""
    return max(a_s, b_s) > CHANGED * min(a_s, b_s)
