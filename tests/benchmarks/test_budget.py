"""Detectors are compared by the best policy within a budget of dead air, or of people cut off."""

import numpy as np
import pytest

from benchmarks.budget import (
    RESAMPLES,
    TIMES_S,
    Silences,
    by_kind,
    frontier,
    interval,
    operating_points,
    resamples,
    sweep,
)

TURNS = 120


@pytest.fixture(scope="module")
def silences() -> Silences:
    """One pause in each turn, of 0.2 to 2 s, and its end."""
    lengths = np.random.default_rng(1).uniform(0.2, 2.0, TURNS)
    return Silences(
        np.repeat(np.arange(TURNS), 2),
        np.column_stack((lengths, np.full(TURNS, 2.5))).ravel(),
        np.tile([False, True], TURNS),
    )


def scores(silences: Silences, sure: float) -> np.ndarray:
    """A detector's: noise, and the truth as loud as it is sure."""
    noise = np.random.default_rng(2).standard_normal(len(silences.ends))
    return np.repeat((sure * silences.ends + noise)[:, np.newaxis], len(TIMES_S), axis=1)


def points(silences: Silences, found: np.ndarray) -> dict[str, float]:
    values = operating_points(sweep(silences, found), np.ones((TURNS, 1)))
    return {key: float(value[0]) for key, value in values.items()}


def test_silence_alone_cuts_off_at_300_ms_whoever_pauses_for_longer(silences):
    nothing = np.full((len(silences.ends), len(TIMES_S)), np.nan)
    found = points(silences, nothing)
    pauses = silences.lengths_s[~silences.ends]
    assert found["cutoffs_300_percent"] == pytest.approx(100 * (pauses > 0.3).mean())
    assert found["cutoffs_600_percent"] == pytest.approx(100 * (pauses > 0.6).mean())
    assert found["dead_air_5_ms"] >= 1000 * np.quantile(pauses, 0.94)


def test_who_knows_cuts_off_nobody_and_answers_at_once(silences):
    found = points(silences, scores(silences, sure=100.0))
    assert found["cutoffs_300_percent"] == 0
    assert found["dead_air_5_ms"] == pytest.approx(200)
    assert found["area_percent"] < 1


def test_who_knows_more_is_better_at_every_budget(silences):
    found = [points(silences, scores(silences, sure)) for sure in (0.0, 1.0, 2.0, 4.0)]
    for key in found[0]:
        values = [each[key] for each in found]
        assert values == sorted(values, reverse=True), key
        assert values[0] > values[-1], key


def test_a_score_that_is_not_known_yet_is_never_acted_on(silences):
    late = scores(silences, sure=100.0)
    late[:, :5] = np.nan
    assert points(silences, late)["dead_air_5_ms"] == pytest.approx(1000 * TIMES_S[5])


def test_the_interval_is_around_the_value_and_narrow_with_many_turns(silences):
    weights = resamples(TURNS)
    assert weights.shape == (TURNS, 1 + RESAMPLES)
    assert (weights.sum(axis=0) == TURNS).all()
    value, low, high = interval(
        operating_points(sweep(silences, scores(silences, 2.0)), weights)["cutoffs_300_percent"]
    )
    assert low < value < high
    assert high - low < 40


def test_the_frontier_falls_and_kinds_add_up(silences):
    found = sweep(silences, scores(silences, 2.0))
    line = [point["cutoffs_percent"] for point in frontier(found, TURNS)]
    assert line == sorted(line, reverse=True)
    kinds = np.where(np.arange(TURNS) % 2, "one", "other")
    parts = by_kind(found, TURNS, kinds)
    assert set(parts) == {"one", "other"}
    whole = operating_points(found, np.ones((TURNS, 1)))["cutoffs_300_percent"][0]
    assert sum(parts.values()) / 2 == pytest.approx(whole, abs=0.1)
