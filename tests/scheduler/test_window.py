"""A window follows what changed, and forgives what happened once."""

from hypothesis import given
from hypothesis import strategies as st

from voiceagent.scheduler.window import ENOUGH, HISTORY, TOLERANCE, Window

levels = st.floats(1e-5, 10.0)
wobbles = st.lists(st.floats(1.0, 1.2), min_size=ENOUGH, max_size=2 * HISTORY)
factors = st.floats(2.0, 50.0) | st.floats(0.02, 0.5)
seconds = st.lists(st.floats(0.0, 100.0), min_size=1, max_size=3 * HISTORY)


def filled(level: float, wobbles: list[float]) -> Window:
    window = Window()
    for wobble in wobbles:
        window.add(level * wobble)
    return window


@given(levels, wobbles, factors)
def test_one_strange_step_changes_nothing(level: float, wobbles: list[float], factor: float) -> None:
    window = filled(level, wobbles)
    before = window.quantile(0.75)
    window.add(level * factor * (1.2 if factor > 1 else 1.0))
    assert window.quantile(0.75) == before


@given(levels, wobbles, factors, wobbles)
def test_and_is_one_of_many_afterwards(level: float, wobbles: list[float], factor: float, more: list[float]) -> None:
    window = filled(level, wobbles)
    window.add(level * factor * (1.2 if factor > 1 else 1.0))
    for wobble in more:
        window.add(level * wobble)
    assert level <= window.quantile(0.75) <= 1.2 * level


@given(levels, wobbles, factors)
def test_a_new_level_is_believed_after_a_handful_of_steps_up_or_down(
    level: float, wobbles: list[float], factor: float
) -> None:
    window = filled(level, wobbles)
    new = level * factor * (1.2 if factor > 1 else 1.0)
    for _ in range(ENOUGH):
        window.add(new)
    assert window.quantile(0.0) == window.quantile(1.0) == new


def test_strange_steps_that_are_not_in_a_row_are_how_it_is() -> None:
    window = filled(0.010, [1.0] * ENOUGH)
    for _ in range(HISTORY):
        window.add(0.030)
        window.add(0.010)
    assert window.quantile(0.25) == 0.010
    assert window.quantile(0.75) == 0.030


def test_steps_strange_in_both_directions_are_no_new_level() -> None:
    window = filled(0.010, [1.0] * HISTORY)
    for step in (0.030, 0.001) * ENOUGH:
        window.add(step)
    assert window.quantile(0.5) == 0.010


def test_a_slow_drift_is_followed() -> None:
    window, level = Window(), 0.010
    for _ in range(400):
        level *= 1.002
        window.add(level)
    assert level / TOLERANCE < window.quantile(0.75) <= level


def test_it_forgets_what_is_old() -> None:
    window = filled(0.010, [1.0] * HISTORY)
    for _ in range(HISTORY):
        window.add(0.011)
    assert len(window) == HISTORY
    assert window.quantile(0.0) == 0.011


@given(seconds, st.floats(0, 1), st.floats(0, 1))
def test_quantiles_are_steps_that_were_seen_and_grow_with_the_share(steps: list[float], a: float, b: float) -> None:
    window = Window()
    for step in steps:
        window.add(step)
    low, high = window.quantile(min(a, b)), window.quantile(max(a, b))
    assert low <= high
    assert {low, high} <= set(steps)
    assert 0 < len(window) <= HISTORY
