"""From a detector's scores in the silences of turns to what a policy makes of them, as eot-bench compares detectors.

A policy ends a turn when the silence has lasted `delay` and the score is at the threshold or above, and at the latest
after `timeout`. All policies of a grid are tried: a detector is as good as the best of them that keeps to a budget, of
silence that people wait in vain (dead air, the mean over the ends of turns) or of people cut off (the share of pauses
in which the agent begins to answer). Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

TIMES_S = tuple(round(0.1 * step, 1) for step in range(1, 21))
"""When scores are taken, in seconds of silence."""
DELAYS_S = TIMES_S[1:12]
TIMEOUTS_S = (*TIMES_S[1:], 2.5)
THRESHOLDS = 200
"""As many quantiles of the scores are tried as thresholds. Of scores that rise with the silence fewer than 100 miss the
best policies; those that stay as they are gain little beyond 40."""
AREA_S = (0.2, 1.2)
"""The area under the best cut-off rates is taken between these mean dead airs."""
RESAMPLES = 400
ROUNDING_S = 1e-6
"""A budget is kept though the mean of many equal times is a little more than each."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Silences:
    """All silences of all turns."""

    turns: NDArray[np.int64]
    """The number of the turn of each."""
    lengths_s: Array
    ends: NDArray[np.bool_]
    """Whether it is the end of its turn."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What every policy of the grid makes of every silence."""

    delays_s: Array
    """(policies, ends of turns): seconds of silence before the answer."""
    cut_off: Array
    """(policies, pauses): 1 where the answer comes before the pause is over."""
    end_turns: NDArray[np.int64]
    pause_turns: NDArray[np.int64]

    def rates(self, weights: Array) -> tuple[Array, Array]:
        """Return the mean dead air in seconds and the share of pauses cut off, (policies, resamples).

        `weights`, (turns, resamples), say how often each turn counts.
        """
        ends, pauses = weights[self.end_turns], weights[self.pause_turns]
        return self.delays_s @ ends / ends.sum(axis=0), self.cut_off @ pauses / pauses.sum(axis=0)


def sweep(silences: Silences, scores: Array) -> Sweep:
    """Try all policies on scores of the shape (silences, `TIMES_S`); the one of a time that is not reached is NaN."""
    known = scores[np.isfinite(scores)]
    thresholds = np.unique(np.quantile(known, np.linspace(0, 1, THRESHOLDS))) if len(known) else np.array([1.0])
    thresholds = np.append(thresholds, np.inf)
    times = np.array(TIMES_S)
    answers: list[Array] = []
    filled = np.nan_to_num(scores, nan=-np.inf)
    for threshold, delay in product(thresholds, DELAYS_S):
        fires = (filled >= threshold) & (times >= delay)
        first = np.where(fires.any(axis=1), times[fires.argmax(axis=1)], np.inf)
        answers.extend(np.minimum(first, timeout) for timeout in TIMEOUTS_S if timeout >= delay)
    when = np.array(answers)
    ends = silences.ends
    return Sweep(
        when[:, ends],
        (when[:, ~ends] < silences.lengths_s[~ends]).astype(np.float64),
        silences.turns[ends],
        silences.turns[~ends],
    )


def operating_points(found: Sweep, weights: Array) -> dict[str, Array]:
    """Return the best that some policy reaches within each budget, for each resample: % of pauses, and ms."""
    late, cut = found.rates(weights)
    return {
        "cutoffs_300_percent": 100 * np.where(late <= 0.3 + ROUNDING_S, cut, np.inf).min(axis=0),
        "cutoffs_600_percent": 100 * np.where(late <= 0.6 + ROUNDING_S, cut, np.inf).min(axis=0),
        "dead_air_5_ms": 1000 * np.where(cut <= 0.05 + ROUNDING_S, late, np.inf).min(axis=0),
        "dead_air_10_ms": 1000 * np.where(cut <= 0.10 + ROUNDING_S, late, np.inf).min(axis=0),
        "area_percent": 100
        * np.mean([np.where(late <= budget + ROUNDING_S, cut, np.inf).min(axis=0) for budget in _budgets()], axis=0),
    }


def frontier(found: Sweep, turns: int) -> list[dict[str, float]]:
    """Return the best share of pauses cut off, in %, at mean dead airs of 200 to 1,200 ms."""
    late, cut = found.rates(np.ones((turns, 1)))
    return [
        {
            "dead_air_ms": round(1000 * budget),
            "cutoffs_percent": round(100 * float(cut[late <= budget + ROUNDING_S].min()), 1),
        }
        for budget in _budgets()
    ]


def by_kind(found: Sweep, turns: int, kinds: NDArray[np.str_]) -> dict[str, float]:
    """Return the share of the pauses of each kind, in %, that the best policy at 300 ms cuts off."""
    late, cut = found.rates(np.ones((turns, 1)))
    best = np.where(late <= 0.3 + ROUNDING_S, cut, np.inf)[:, 0].argmin()
    return {str(kind): round(100 * float(found.cut_off[best, kinds == kind].mean()), 1) for kind in np.unique(kinds)}


def resamples(turns: int, seed: int = 0) -> Array:
    """Return weights, (turns, 1 + `RESAMPLES`): first each turn once, then bootstrap samples of turns."""
    draw = np.random.default_rng(seed)
    drawn = draw.multinomial(turns, np.full(turns, 1 / turns), size=RESAMPLES).T
    return np.hstack((np.ones((turns, 1)), drawn))


def interval(values: Array) -> tuple[float, float, float]:
    """Return the value of the sample itself, and the bounds of its 95 % confidence interval by the bootstrap."""
    low, high = np.percentile(values[1:], (2.5, 97.5))
    return float(values[0]), float(low), float(high)


def _budgets() -> Sequence[float]:
    return [float(budget) for budget in np.arange(AREA_S[0], AREA_S[1] + 0.01, 0.05)]
