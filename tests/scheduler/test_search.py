"""The largest number of callers that the promise can be kept to, found with few forecasts."""

from dataclasses import replace

import pytest
from test_forecast import DECODE, costs, demand

from voiceagent.scheduler.admission.contention import Contention
from voiceagent.scheduler.admission.forecast import Forecast
from voiceagent.scheduler.admission.search import IN_TIME, Question, keeps, max_callers

QUESTION = Question(demand(), costs(), 1, frozenset(), promise_s=1.2, most=64, known=None)


def device(carries, tried=None):
    """Return a forecast of a device that carries that many."""

    def simulate(callers, *of):
        if tried is not None:
            tried.append(callers)
        return Forecast((0.1 if callers <= carries else 9.0,), 0, {})

    return simulate


@pytest.mark.parametrize("known", [None, 0, 1, 3, 64])
@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 7, 64])
@pytest.mark.parametrize("carries", [0, 1, 2, 3, 4, 5, 6, 63, 64, 99])
def test_the_largest_number_that_keeps_the_promise_is_found_with_few_forecasts(carries, most, known) -> None:
    tried = []
    question = replace(QUESTION, most=most, known=None if known is None else min(known, most))
    assert max_callers(question, device(carries, tried)) == min(carries, most)
    assert len(tried) == len(set(tried)) <= 12


def test_each_further_caller_makes_every_step_slower() -> None:
    slower = {}

    def simulate(callers, demand, costs, *of):
        slower[callers] = costs.predict(DECODE) / QUESTION.costs.predict(DECODE)
        return Forecast((0.1 if callers < 4 else 9.0,), 0, {})

    contention = Contention(2, 1.1, 1.5)
    assert max_callers(replace(QUESTION, contention=contention), simulate) == 3
    assert slower == {callers: pytest.approx(contention.times(callers)) for callers in slower}
    assert max_callers(replace(QUESTION, most=8)) == 8
    assert max_callers(replace(QUESTION, most=8, contention=Contention(1, 10.0, 10.0))) == 0


def test_a_promise_is_kept_if_answers_come_in_time_and_do_not_break_off() -> None:
    late = round(100 * (1 - IN_TIME))
    in_time = (0.5,) * (100 - late) + (2.0,) * late
    assert keeps(Forecast(in_time, 0, {}), 1.0)
    assert keeps(Forecast(in_time, 1, {}), 1.0)
    assert not keeps(Forecast(in_time, 2, {}), 1.0)
    assert not keeps(Forecast((0.5,) * (99 - late) + (2.0,) * (late + 1), 0, {}), 1.0)
    assert not keeps(Forecast(in_time, 0, {}), 0.5)


def test_a_real_question_is_answered() -> None:
    assert max_callers(replace(QUESTION, most=2)) == 2
    assert max_callers(replace(QUESTION, most=2, promise_s=0.1)) == 0
