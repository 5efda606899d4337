"""When a silence is the end of a turn: one probability from all that is known, and one rule.

Three witnesses: the turn detector, who hears whether the voice has finished; the language model, who says how likely
the words end here (`Ending`, where the engine can); and the transcript's last mark. Their log-odds are weighed and
added (logistic regression, `benchmarks/fit_end_of_turn.py`): the odds, at the first sign of silence, that it is the
end and no pause.

The rule: answering into a pause costs as much as `cut_off_cost_s` of silence. At odds O the next moment of waiting
costs O of itself, and saves that much wherever a pause ends in it, whose density is f(t). So the answer comes when
O >= cost * f(t): at once if the end is certain, later the likelier a pause is, and never later than the longest wait.
Pauses are Pareto-distributed; those of a speaker who pauses for long are stretched. A piece of what is dictated, which
no witness understands, is waited for by the same rule, at odds that stand for a length of silence (`odds_of`).

Knows neither time nor state.
"""

from dataclasses import dataclass
from math import exp, log

from voiceagent.text import looks_finished

SHORTEST_PAUSE_S, TAIL = 0.2, 1.45
"""A pause lasts longer than t seconds with the probability (t / shortest) ** -tail. Fitted to the silence-only
baseline that eot-bench publishes for English: 0.556 at 0.3 s, 0.217 at 0.6 s, 0.1 at 1 s, 0.05 at 1.6 s; this gives
0.555, 0.203, 0.097 and 0.049."""
USUAL_PAUSE_S = 0.5
"""The mean of those up to 2 s."""
LONGEST_STRETCH = 3.0
"""Nobody's pauses are taken to be longer than usual by more than this factor."""
PAUSE_MEMORY = 0.5
"""Weight of the newest pause in the running mean: two or three pauses are enough to know a slow speaker."""
MOMENT_S = 0.001
"""As good as no silence."""
CERTAIN = 0.001
"""Probabilities are taken to be this far from 0 and 1 at least."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Of log-odds, and the constant."""

    sound: float
    words: float
    finished: float
    constant: float


WITH_WORDS = Weights(sound=0.717, words=0.518, finished=0.686, constant=0.558)
WITHOUT_WORDS = Weights(sound=0.807, words=0.0, finished=1.453, constant=-1.065)
"""Where the language model says nothing."""


def end_log_odds(sound: float, ending: float | None, text: str, language: str) -> float:
    """Return the log-odds that a turn has ended, at the first sign of silence.

    `sound` is the turn detector's probability, `ending` the language model's for the words, None where it says none.
    """
    weights = WITHOUT_WORDS if ending is None else WITH_WORDS
    words = 0.0 if ending is None else log_odds(ending)
    finished = float(looks_finished(text, language))
    return weights.sound * log_odds(sound) + weights.words * words + weights.finished * finished + weights.constant


def wait_s(end_odds: float, cut_off_cost_s: float, pause_s: float, longest_s: float) -> float:
    """Return the silence in seconds after which to answer; `end_odds` are log-odds, `pause_s` the speaker's mean pause
    (0: unknown)."""
    shortest = SHORTEST_PAUSE_S * stretch(pause_s)
    if cut_off_cost_s <= 0:
        return 0.0
    exponent = (log(cut_off_cost_s * TAIL / shortest) - end_odds) / (TAIL + 1)
    return min(longest_s, shortest * exp(min(exponent, 50.0)))


def odds_of(silence_s: float) -> float:
    """Return the log-odds at which this silence is waited for, where a cut-off costs a second and nothing is known of
    the speaker's pauses."""
    return log(TAIL / SHORTEST_PAUSE_S) - (TAIL + 1) * log(max(silence_s, MOMENT_S) / SHORTEST_PAUSE_S)


def stretch(pause_s: float) -> float:
    """Return how much longer than usual a speaker pauses, 1 for those who are quicker or unknown."""
    return min(LONGEST_STRETCH, max(1.0, pause_s / USUAL_PAUSE_S))


def learn_pause(known_s: float, newest_s: float) -> float:
    """Return the running mean of a speaker's pauses in mid-turn; what is not known yet is as usual."""
    known_s = known_s or USUAL_PAUSE_S
    return known_s + PAUSE_MEMORY * (newest_s - known_s)


def log_odds(probability: float) -> float:
    """Return the log-odds of a probability."""
    bounded = min(1 - CERTAIN, max(CERTAIN, probability))
    return log(bounded / (1 - bounded))
