"""The weights of the end of a turn are those that the committed report yields."""

import json

import numpy as np
import pytest

from benchmarks.fit_end_of_turn import REPORT, fitted
from voiceagent.session.end_of_turn import WITH_WORDS, WITHOUT_WORDS


@pytest.fixture(scope="module")
def silences():
    return json.loads(REPORT.read_text(encoding="utf-8"))["samples"]["silences"]


def test_the_weights_in_use_are_the_fitted_ones(silences):
    assert fitted(silences, words=True) == WITH_WORDS, "run: python -m benchmarks.fit_end_of_turn"
    assert fitted(silences, words=False) == WITHOUT_WORDS, "run: python -m benchmarks.fit_end_of_turn"


def test_nobody_who_is_heard_in_the_benchmark_has_a_part_in_the_weights(silences):
    judged = json.loads((REPORT.parent / "end_of_turn.json").read_text(encoding="utf-8"))["samples"]["silences"]
    heard = {row["speaker"] for row in judged}
    assert heard >= {"allison", "librivox", "cards"}
    assert not heard & {row["speaker"] for row in silences}
    assert not {row["name"] for row in judged} & {row["name"] for row in silences}


def row(sound, ending, *, end):
    return {
        "sound": {"0.1": sound},
        "ending": ending,
        "text": "I see",
        "asked": "",
        "pauses": 0,
        "end": end,
        "speaker": "a",
    }


def test_a_witness_that_knows_weighs_more_than_one_that_guesses():
    draw = np.random.default_rng(5)
    rows = [
        row(0.5 + 0.4 * (1 if end else -1) * draw.random(), float(draw.random()), end=end)
        for end in [True, False] * 200
    ]
    weights = fitted(rows, words=True)
    assert weights.sound > 0.5 > abs(weights.words)
    assert fitted(rows, words=False).words == 0.0
