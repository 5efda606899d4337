"""What callers cost beside their steps, and what more of them would."""

import pytest
from test_forecast import DECODE, FINAL, PREDICT, PREFILL, SOUND, costs, demand

from voiceagent.scheduler.admission.contention import (
    NO_CONTENTION,
    REMEMBERED,
    RESERVE,
    Contention,
    ContentionEstimator,
)
from voiceagent.scheduler.window import ENOUGH, HISTORY

KEYS = (FINAL, PREDICT, PREFILL, DECODE, SOUND)


def slower(model, factor):
    """Let every step have taken so many times as long, alone on its device."""
    for key in KEYS:
        before = model.predict(key)
        for _ in range(HISTORY + ENOUGH):
            model.observe(key, factor * before)
    return model


def weigh(scales, model, present, times=REMEMBERED):
    for _ in range(times):
        contention = scales.estimate(model, present)
    return contention


def test_nobody_is_no_burden() -> None:
    assert NO_CONTENTION.times(8) == 1.0
    assert ContentionEstimator(demand()).estimate(slower(costs(), 3.0), 0).times(8) == 1.0


def test_those_present_slow_steps_down_as_is_seen_with_a_reserve_of_one_caller() -> None:
    assert Contention(4, 1.3, 1.6).times(4 - RESERVE) == pytest.approx(1.3)
    assert Contention(4, 1.0, 1.0).times(8) == 1.0, "none where nobody slows anything down"


def test_each_further_caller_slows_them_down_by_the_same_factor() -> None:
    contention = Contention(4, 1.3, 1.6)
    factors = [contention.times(callers + 1) / contention.times(callers) for callers in range(1, 8)]
    assert factors == pytest.approx([1.6 ** (1 / 5)] * 7)


def test_nothing_is_made_of_it_beyond_twice_as_many_as_were_seen() -> None:
    assert Contention(4, 1.0, 1.6).times(64) == Contention(4, 1.0, 1.6).times(8) == pytest.approx(1.6)


def test_steps_are_compared_with_what_they_took_when_the_machine_was_at_its_quickest() -> None:
    scales, model = ContentionEstimator(demand()), costs()
    scales.estimate(model, 0)
    contention = scales.estimate(slower(model, 1.8), 4)
    assert contention.whole == pytest.approx(1.8, rel=0.05)
    assert contention.slowness == pytest.approx(1.0, abs=0.05), "by then the costs have learned it"
    assert scales.estimate(slower(model, 0.25), 4).whole == pytest.approx(1.0, abs=0.05), "that is the quickest now"


def test_what_steps_learned_of_many_is_not_held_against_the_few_who_are_left() -> None:
    scales, model = ContentionEstimator(demand()), costs()
    scales.estimate(model, 0)
    weigh(scales, slower(model, 1.8), 7)
    weigh(scales, model, 0)
    left = weigh(scales, model, 2, REMEMBERED - 1)
    assert left.present == 7
    assert left.times(2) < 0.8
    assert scales.estimate(model, 2).present == 2


def test_one_caller_who_has_been_alone_for_long_shows_how_quick_the_machine_is_today() -> None:
    scales, model = ContentionEstimator(demand()), costs()
    scales.estimate(model, 0)
    slower(model, 1.5)  # than it was calibrated
    assert weigh(scales, model, 1, REMEMBERED - 1).whole == pytest.approx(1.5, rel=0.05)
    assert scales.estimate(model, 1).whole == pytest.approx(1.0, abs=0.05)
