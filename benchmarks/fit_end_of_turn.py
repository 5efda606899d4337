"""Fits the weights of `session/end_of_turn.py`: `python -m benchmarks.fit_end_of_turn`.

Logistic regression of "this is the end" on the log-odds of the turn detector at the first sign of silence, those of
the language model, and whether the transcript reads like a whole sentence. Pauses and ends weigh the same together.
Fitted to turns in the embedded voice (`voiced_turns`), so that every person in the end-of-turn benchmark is new to the
weights. `--listen` lets the engines of some settings examine them first; else the committed report is used.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from benchmarks import form
from benchmarks.tables import RESULTS
from benchmarks.turn_evidence import Row, examine_all, parser, silences_in
from benchmarks.voiced_turns import voiced_turns
from voiceagent.errors import VoiceAgentError
from voiceagent.session.end_of_turn import Weights, log_odds
from voiceagent.session.patience import expected_after, goes_on
from voiceagent.text import looks_finished

NAME = "fit_end_of_turn"
REPORT = RESULTS / f"{NAME}.json"
SOUND_AT = "0.1"
"""Seconds of silence that the turn detector had heard."""
RIDGE = 1.0
"""The square of each weight counts this much: few samples must not make it large."""
STEPS = 30
DIGITS = 3


def main(arguments: Sequence[str]) -> int:
    """Print both sets of weights; return the exit status."""
    line = parser(NAME, str(__doc__))
    line.add_argument("--listen", action="store_true", help="examine the turns again, and write the report")
    options = line.parse_args(arguments)
    options.json = options.json or REPORT
    if options.listen:
        report = form.Report(NAME, form.command(NAME, arguments))
        rows = examine_all(report, voiced_turns, options)
        for name, words in (("with_words", True), ("without_words", False)):
            weights = asdict(fitted(rows, words=words))
            report.summary |= {f"{name}_{key}": weight for key, weight in weights.items()}
        report.write(options.json)
    rows = silences_in(options.json)
    print("WITH_WORDS =", fitted(rows, words=True))
    print("WITHOUT_WORDS =", fitted(rows, words=False))
    return 0


def fitted(rows: Sequence[Row], *, words: bool) -> Weights:
    """Return the weights that explain the silences best; those without words are left out, or all words."""
    known = [
        row for row in rows if row["text"] and not (words and row["ending"] is None) and not is_dictated_so_far(row)
    ]
    facts = np.array([facts_of(row, words=words) for row in known])
    ends = np.array([row["end"] for row in known], np.float64)
    counts = np.where(ends == 1, 0.5 / ends.mean(), 0.5 / (1 - ends.mean()))
    weights = np.zeros(facts.shape[1])
    ridge = np.diag([RIDGE, RIDGE, RIDGE, 0.0])
    for _ in range(STEPS):  # Newton's method
        chances = 1 / (1 + np.exp(-facts @ weights))
        slope = facts.T @ (counts * (ends - chances)) - ridge @ weights
        curve = (facts * (counts * chances * (1 - chances))[:, np.newaxis]).T @ facts + ridge
        weights += np.linalg.solve(curve, slope)
    sound, reading, finished, constant = (round(float(weight), DIGITS) for weight in weights)
    return Weights(sound=sound, words=reading if words else 0.0, finished=finished, constant=constant)


def is_dictated_so_far(row: Row) -> bool:
    """Return whether nothing is weighed: what sounds dictated or hesitant is waited for in any case."""
    return goes_on(row["text"], row["pauses"], expected_after(row["asked"], "en"), "en")


def facts_of(row: Row, *, words: bool) -> list[float]:
    """Return what is weighed, in the order of `Weights`."""
    ending = log_odds(row["ending"]) if words else 0.0
    return [log_odds(row["sound"][SOUND_AT]), ending, float(looks_finished(row["text"])), 1.0]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
