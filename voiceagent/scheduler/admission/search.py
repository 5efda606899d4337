"""The largest number of callers to whom the promise can be kept, found with few forecasts. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from voiceagent.scheduler.admission.contention import NO_CONTENTION, Contention
from voiceagent.scheduler.admission.demand import Demand
from voiceagent.scheduler.admission.forecast import Forecast, simulate
from voiceagent.scheduler.costs import CostModel

IN_TIME = 0.95
"""The share of the answers for which the promise is made."""
MARGIN = 0.9
"""The part of the promised time that the forecast may use: simulated sessions waited up to 1.1 times as long as
forecast (docs/scheduling.md)."""
MOST_BROKEN = 0.01
"""The share of the answers that may have a moment of silence in the middle."""
FIRST_GUESS = 4


@dataclass(frozen=True, slots=True)
class Question:
    """What is the capacity?"""

    demand: Demand
    costs: CostModel
    concurrency: int
    off_device: frozenset[str]
    promise_s: float
    most: int
    known: int | None = None
    """The last capacity found, to start the search with."""
    contention: Contention = NO_CONTENTION
    """How callers slow steps down, beyond how the lanes slow each other down."""


def max_callers(question: Question, simulate: Callable[..., Forecast] = simulate) -> int:
    """Return the largest number of callers to whom the promise can be kept; fewer callers never break it."""
    known, most = question.known, question.most

    def keeps_promise(callers: int) -> bool:
        costs = question.costs.copy(question.contention.times(callers))
        forecast = simulate(callers, question.demand, costs, question.concurrency, question.off_device)
        return keeps(forecast, question.promise_s)

    capacity, next_, too_many = 0, min(most, known or FIRST_GUESS), most + 1
    while capacity + 1 < too_many:
        if keeps_promise(next_):
            capacity, next_ = next_, 2 * next_
        else:
            too_many = next_
        if next_ >= too_many:
            next_ = (capacity + too_many) // 2
    return capacity


def keeps(forecast: Forecast, promise_s: float) -> bool:
    """Return whether a forecast keeps the promise."""
    return forecast.wait_s(IN_TIME) <= MARGIN * promise_s and forecast.broken_share <= MOST_BROKEN
