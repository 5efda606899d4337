"""The largest number of callers to whom a promise can be kept, found with few forecasts. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from voiceagent.scheduler.admission.burden import NOBODY, Burden
from voiceagent.scheduler.admission.demand import Demand
from voiceagent.scheduler.admission.forecast import Forecast, foresee
from voiceagent.scheduler.costs import CostModel

IN_TIME = 0.95
"""The share of the answers for which the promise is made."""
MARGIN = 0.9
"""The part of the promised time that the forecast may use: simulated sessions waited up to 1.1 times as long as was
foreseen (docs/scheduling.md)."""
MOST_BROKEN = 0.01
"""The share of the answers that may be silent in their midst for a moment."""
FIRST_GUESS = 4


@dataclass(frozen=True, slots=True)
class Question:
    """How many callers can be carried?"""

    demand: Demand
    costs: CostModel
    capacity: int
    beside: frozenset[str]
    promise_s: float
    most: int
    known: int | None = None
    """The answer to the last such question, to begin with."""
    burden: Burden = NOBODY
    """What callers do to steps, beyond what the lanes do to each other."""


def most_carried(question: Question, foresee: Callable[..., Forecast] = foresee) -> int:
    """Return the largest number that is carried, taking it that every smaller one is."""
    known, most = question.known, question.most

    def is_carried(callers: int) -> bool:
        costs = question.costs.copy(question.burden.times(callers))
        forecast = foresee(callers, question.demand, costs, question.capacity, question.beside)
        return keeps(forecast, question.promise_s)

    carried, next_, too_many = 0, min(most, known or FIRST_GUESS), most + 1
    while carried + 1 < too_many:
        if is_carried(next_):
            carried, next_ = next_, 2 * next_
        else:
            too_many = next_
        if next_ >= too_many:
            next_ = (carried + too_many) // 2
    return carried


def keeps(forecast: Forecast, promise_s: float) -> bool:
    """Tell whether a forecast keeps the promise."""
    return forecast.wait_s(IN_TIME) <= MARGIN * promise_s and forecast.broken_share <= MOST_BROKEN
