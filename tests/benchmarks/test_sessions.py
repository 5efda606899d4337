"""The sessions benchmark: what it makes of what callers and server saw, without either."""

import json
import sys

import pytest

from benchmarks import crowding as crowding_module
from benchmarks.crowding import Crowding, crowd
from benchmarks.prometheus import Scrape
from benchmarks.sessions import measure, summarise

CROWDING = Crowding(callers=2, questions=1, longest_s=2.0, whole=False, greeted=False)


def metrics(lags, underruns=0, cpu=1.0):
    buckets = [(0.005, lags[0]), (0.01, lags[0] + lags[1]), (float("inf"), sum(lags))]
    lines = [f'voiceagent_loop_lag_seconds_bucket{{le="{limit}"}} {count}' for limit, count in buckets]
    lines = [line.replace('"inf"', '"+Inf"') for line in lines]
    return "\n".join(
        [
            "# TYPE voiceagent_loop_lag_seconds histogram",
            *lines,
            f"voiceagent_loop_lag_seconds_count {sum(lags)}",
            "voiceagent_loop_lag_seconds_sum 1",
            "# TYPE voiceagent_underruns_total counter",
            f"voiceagent_underruns_total {underruns}",
            "# TYPE process_cpu_seconds_total counter",
            f"process_cpu_seconds_total {cpu}\n",
        ]
    )


def a_question(v2v_ms, stalls_ms=()):
    return {"v2v_ms": v2v_ms, "stalls_ms": list(stalls_ms), "outcome": "completed"}


def a_level(callers, waits, **changes):
    return {
        "callers": callers,
        "admitted": callers,
        "underruns": 0,
        "late_packets": 0,
        "server_cpu_percent": 50.0,
        "loop_lag_ms_p99": 4.0,
        "errors": [],
        "questions": [a_question(wait) for wait in waits],
        **changes,
    }


def test_two_callers_are_compared_with_one():
    summary = summarise([a_level(1, [500.0] * 3), a_level(2, [750.0] * 3, loop_lag_ms_p99=7.0, underruns=1)])
    assert summary["v2v_p95_ratio_2_vs_1"] == 1.5
    assert summary["mid_response_silences"] == 1
    assert summary["loop_lag_ms_p99"] == 7.0
    assert summary["cpu_percent_per_session_2"] == 25.0


def test_what_more_than_two_callers_suffer_is_shown_and_not_held_against_the_targets():
    crowded = a_level(4, [3000.0], admitted=3, late_packets=9, loop_lag_ms_p99=80.0)
    summary = summarise([a_level(1, [500.0]), crowded])
    assert summary["mid_response_silences"] == 0
    assert summary["mid_response_silences_4"] == 9
    assert summary["loop_lag_ms_p99"] == 4.0
    assert summary["callers_admitted"] == 3
    assert summary["callers_answered"] == 1
    assert summary["v2v_p95_ratio_2_vs_1"] is None


def test_nothing_measured_is_no_number():
    summary = summarise([])
    assert summary["v2v_p95_ratio_2_vs_1"] is None
    assert summary["loop_lag_ms_p99"] is None
    assert summary["mid_response_silences"] is None


def test_a_quantile_is_of_what_came_since_the_earlier_scrape():
    before, after = Scrape(metrics([100, 0, 0])), Scrape(metrics([190, 10, 0]))
    assert after.quantile("voiceagent_loop_lag_seconds", 0.5, before) == pytest.approx(0.005 * 50 / 90)
    assert after.quantile("voiceagent_loop_lag_seconds", 0.95, before) == pytest.approx(0.0075)
    assert after.quantile("voiceagent_loop_lag_seconds", 0.95, after) is None
    assert after.quantile("no_such_histogram", 0.95, before) is None


def test_a_quantile_beyond_the_last_bucket_is_its_limit():
    before, after = Scrape(metrics([0, 0, 0])), Scrape(metrics([0, 0, 5]))
    assert after.quantile("voiceagent_loop_lag_seconds", 0.5, before) == 0.01


def scripted_callers(monkeypatch, program):
    """Let small programs call in place of WebRTC clients; each is told its number."""
    start = crowding_module.subprocess.Popen

    def popen(arguments, **options):
        number = arguments[arguments.index("--number") + 1]
        return start([sys.executable, "-c", program, number], **options)

    monkeypatch.setattr(crowding_module.subprocess, "Popen", popen)


POLITE = """
import json, sys
print("connected" if sys.argv[1] == "0" else "refused", flush=True)
if sys.argv[1] == "0":
    sys.stdin.readline()
    print(json.dumps({"question": {"v2v_ms": 512.0, "stalls_ms": [25.0, 3.0], "outcome": "completed"}}), flush=True)
    print(json.dumps({"error": "Waited in vain."}), flush=True)
    print(json.dumps({"cpu_percent": 7.5}), flush=True)
"""
STUBBORN = """
import json, sys, time
print("connected", flush=True)
sys.stdin.readline()
print(json.dumps({"question": {"v2v_ms": 1.0, "stalls_ms": [], "outcome": None}}), flush=True)
time.sleep(600)
"""


def test_callers_are_let_go_together_and_their_reports_collected(monkeypatch):
    scripted_callers(monkeypatch, POLITE)
    marks = []
    first, second = crowd("nowhere", CROWDING, lambda: marks.append(1), None)
    assert len(marks) == 2
    assert (first.greeting, second.greeting) == ("connected", "refused")
    assert first.questions[0]["v2v_ms"] == 512.0
    assert first.errors == ["Waited in vain."]
    assert first.cpu_percent == 7.5
    assert second.questions == []


def test_who_does_not_finish_in_time_is_cut_off_and_what_was_said_counts(monkeypatch):
    scripted_callers(monkeypatch, STUBBORN)
    limit = crowding_module.time.monotonic() + 5.0
    reports = crowd("nowhere", CROWDING, lambda: None, limit)
    assert [len(report.questions) for report in reports] == [1, 1]
    assert all(report.cpu_percent is None for report in reports)


def test_a_level_is_what_the_callers_heard_and_what_the_server_counted_meanwhile(monkeypatch):
    scripted_callers(monkeypatch, POLITE)
    scrapes = iter([Scrape(metrics([0, 0, 0])), Scrape(metrics([98, 2, 0], underruns=2, cpu=1.5))])
    monkeypatch.setattr("benchmarks.sessions.scrape", lambda url: next(scrapes))
    level = measure("nowhere", CROWDING, None)
    assert level["admitted"] == 1
    assert level["underruns"] == 2
    assert level["late_packets"] == 1
    assert level["loop_lag_ms_p99"] == pytest.approx(7.5)
    assert level["server_cpu_percent"] > 0
    assert level["errors"] == ["Waited in vain."]
    assert json.dumps(level)
