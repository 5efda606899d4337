"""From raw samples to a flat summary and a table of stages."""

import json

from benchmarks import form
from benchmarks.summary import TARGETS, stage_rows, summarise, wer
from benchmarks.voice_to_voice import show


def question(v2v_ms, *, server_ms=400.0, cut_in=False, outcome="completed", stalls=()):
    spans = [
        {"name": "silence", "start_ms": 0.0, "end_ms": 64.0},
        {"name": "first packet", "start_ms": 300.0, "end_ms": server_ms},
    ]
    trace = {"voice_to_voice_ms": server_ms, "spans": spans, "speculation": "used"}
    words = {"errors": 1, "words": 4}
    return {"v2v_ms": v2v_ms, "cut_in": cut_in, "outcome": outcome, "stalls_ms": list(stalls), "trace": trace, **words}


SILENT = {"v2v_ms": None, "cut_in": False, "outcome": None, "stalls_ms": [], "trace": None, "errors": 4, "words": 4}


def answer(hole_ms, between, errors=0):
    segments = [{"text": "a b", "found": 1.0, "hole_ms": hole_ms}, {"text": "c", "found": 0.0, "hole_ms": None}]
    return {"segments": segments, "between_ms": between, "errors": errors, "words": 10}


SAMPLES = {
    "questions": [
        question(430.0, stalls=[3.0, 30.0]),
        question(470.0),
        question(None, cut_in=True),
        SILENT,
    ],
    "pauses": [
        {"cut_off": True, "v2v_ms": None},
        {"cut_off": False, "v2v_ms": 800.0},
        {"cut_off": False, "v2v_ms": 600.0},
        {"cut_off": False, "v2v_ms": None},
    ],
    "answers": [answer(12.5, [300.0]), answer(0.0, [340.0], errors=1)],
    "barge_ins": [
        {"barge_in_ms": 200.0, "in_pause": False},
        {"barge_in_ms": None, "in_pause": False},
        {"barge_in_ms": None, "in_pause": True},
    ],
    "coughs": [
        {"paused": True, "outcome": "completed", "away_ms": 500.0},
        {"paused": False, "outcome": "interrupted", "away_ms": None},
    ],
    "prompts": [{"errors": 1, "words": 20}, {"errors": 0, "words": 5}],
    "prompts_loss5": [{"errors": 2, "words": 20}],
    "prompts_lag_ms": [0.0, 1.0],
    "prompts_loss5_lag_ms": [0.0, 20.0, 20.0, 0.0, 25.0, 25.0],
    "prompts_loss5_packets": [{"sent": 200, "dropped": 10}],
}


def test_the_summary_is_flat_and_has_every_target():
    summary = summarise(SAMPLES)
    assert all(value is None or isinstance(value, int | float) for value in summary.values())
    assert {target.key for target in TARGETS} <= summary.keys()


def test_a_latency_stands_beside_the_share_of_pauses_that_it_cost():
    summary = summarise(SAMPLES)
    assert summary["false_cutoff_percent"] == 25.0
    assert summary["paused_turn_count"] == 4
    assert summary["v2v_ms_after_a_pause_p50"] == 700.0


def test_only_real_answers_count_as_waits():
    summary = summarise(SAMPLES)
    assert (summary["v2v_ms_p50"], summary["v2v_ms_max"]) == (450.0, 470.0)
    assert (summary["question_count"], summary["no_answer_count"], summary["cut_in_count"]) == (4, 1, 1)
    assert summary["speculation_used_percent"] == 100.0


def test_a_gap_is_a_late_packet_or_a_hole_whichever_is_longer():
    summary = summarise(SAMPLES)
    assert (summary["gap_late_packet_ms_max"], summary["gap_hole_ms_max"], summary["gap_ms_max"]) == (30.0, 12.5, 30.0)
    assert summary["segments_found_percent"] == 50.0
    assert summary["between_segments_ms_p50"] == 320.0
    assert summary["agent_wer_percent"] == 5.0


def test_disturbances_are_counted_whether_or_not_they_were_timed():
    summary = summarise(SAMPLES)
    assert (summary["barge_in_ms_p90"], summary["barge_in_missed_count"]) == (200.0, 1)
    assert (summary["cough_count"], summary["cough_resumed"], summary["cough_paused"]) == (2, 1, 1)
    assert summary["cough_away_ms_p50"] == 500.0


def test_error_rates_and_lag_are_kept_apart_by_loss():
    summary = summarise(SAMPLES)
    assert (summary["wer_percent"], summary["wer_percent_loss5"], summary["loss_percent"]) == (4.0, 10.0, 5.0)
    assert (summary["lag_ms_max"], summary["lag_ms_max_loss5"]) == (1.0, 25.0)
    assert summary["lag_ms_growth_loss5"] == 7.0


def test_without_prompts_the_questions_tell_how_well_the_agent_hears():
    summary = summarise({"questions": SAMPLES["questions"]})
    assert (summary["wer_percent"], summary["prompt_count"]) == (43.75, 4)


def test_what_was_not_measured_is_unknown_and_not_good():
    summary = summarise({})
    assert [summary[target.key] for target in TARGETS if target.key != "lag_ms_max_loss5"] == [None] * 7
    assert summary["lag_ms_max_loss5"] is None
    assert wer([]) is None


def test_stages_are_medians_and_the_last_is_what_the_listener_waited_beyond_them():
    assert stage_rows(SAMPLES) == [
        ("silence", 0.0, 64.0, 64.0),
        ("first packet", 300.0, 400.0, 100.0),
        ("at the listener", 400.0, 450.0, 50.0),
    ]
    assert stage_rows({}) == []


def test_the_table_says_what_was_missed():
    report = form.Report("voice_to_voice", "python -m benchmarks.voice_to_voice", samples=SAMPLES)
    report.summary = summarise(SAMPLES)
    shown = {line.split()[0]: line for line in show(report).splitlines() if line}
    assert shown["v2v_ms_p50"].endswith("met")
    assert shown["cough_resumed_percent"].endswith("MISSED")
    assert "at" in shown
    assert json.dumps(report.to_json())
