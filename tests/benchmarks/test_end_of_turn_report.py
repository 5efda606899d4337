"""The end-of-turn report says what a session does by the rules in force."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.end_of_turn import by_settings, silences_of, summarise, waits_s
from benchmarks.tables import RESULTS
from benchmarks.turn_evidence import silences_in
from voiceagent.app.conversation import conversation_config
from voiceagent.app.settings import default_settings

REPORT = RESULTS / "end_of_turn.json"
RULES = conversation_config(default_settings()).rules


@pytest.fixture(scope="module")
def rows():
    return silences_in(REPORT)


def test_the_report_is_up_to_date_with_the_rules(rows):
    summary = json.loads(REPORT.read_text(encoding="utf-8"))["summary"]
    found = by_settings(rows)
    assert {key: summary[key] for key in found} == found, f"run: python -m benchmarks.end_of_turn --again {REPORT}"


def test_the_dearer_a_cut_off_the_longer_every_wait(rows):
    waits = [waits_s(rows, replace(RULES, cut_off_cost_s=cost_s)) for cost_s in (0.0, 0.5, 1.0, 3.0, 100.0)]
    for shorter, longer in pairwise(waits):
        assert np.all(shorter <= longer)
    assert np.all(waits[0] >= RULES.stop_s)
    assert np.all(waits[-1] <= RULES.max_wait_s)


def test_what_breaks_off_is_waited_for(rows):
    broken = np.array([row["text"].endswith((" because", " and", " the")) for row in rows])
    pauses = broken & ~silences_of(rows).ends
    assert np.count_nonzero(pauses) >= 3
    assert np.all(waits_s(rows, RULES)[pauses] >= RULES.patience_s - 1e-6)


def test_half_as_many_are_cut_off_as_by_the_turn_detector_alone(rows):
    summary = json.loads(REPORT.read_text(encoding="utf-8"))["summary"]
    found = summarise(rows, {})
    assert found == {key: summary[key] for key in found}
    assert found["cutoffs_300_percent"] <= 0.5 * found["cutoffs_300_smart_turn_percent"]
    assert found["dead_air_5_ms"] <= found["dead_air_5_smart_turn_ms"]
