"""What is seen of a server between two moments."""

import json

import pytest
from counted import a_question, counted

from benchmarks import level as level_module
from benchmarks.crowding import Report
from benchmarks.gpu_use import Sample
from benchmarks.level import Watch

LAG = "voiceagent_loop_lag_seconds"


def test_a_quantile_is_of_what_came_since_the_earlier_scrape():
    before, after = counted([100, 0, 0]), counted([190, 10, 0])
    assert after.quantile(LAG, 0.5, before) == pytest.approx(0.005 * 50 / 90)
    assert after.quantile(LAG, 0.95, before) == pytest.approx(0.0075)
    assert after.quantile(LAG, 0.95, after) is None
    assert after.quantile("no_such_histogram", 0.95, before) is None


def test_a_quantile_beyond_the_last_bucket_is_its_limit():
    assert counted([0, 0, 5]).quantile(LAG, 0.5, counted([0, 0, 0])) == 0.01


def watched(monkeypatch, reports, gpu=()):
    """Return what is seen from second 100 to 110 of made-up time."""
    times, scrapes = iter([100.0, 110.0]), iter([counted([0, 0, 0]), counted([98, 2, 0], underruns=2, cpu=6.0)])
    monkeypatch.setattr(level_module.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(level_module, "scrape", lambda url: next(scrapes))
    watch = Watch("nowhere", gpu)
    watch.mark()
    watch.mark()
    monkeypatch.undo()
    return watch.level(len(reports), reports)


def test_a_level_is_what_the_callers_heard_and_what_the_server_counted_meanwhile(monkeypatch):
    here = Report({"greeting": "connected"}, [a_question(512.0, [25.0, 3.0])], ["Waited in vain."], 7.5)
    level = watched(monkeypatch, [here, Report({"greeting": "refused"})])
    assert (level["callers"], level["admitted"], level["seconds"]) == (2, 1, 10.0)
    assert (level["underruns"], level["late_packets"]) == (2, 1)
    assert level["loop_lag_ms_p99"] == pytest.approx(7.5)
    assert (level["server_cpu_percent"], level["callers_cpu_percent"]) == (50.0, 7.5)
    assert level["gpu_percent"] is None
    assert level["errors"] == ["Waited in vain."]
    assert json.dumps(level)


def test_questions_asked_before_or_after_do_not_count(monkeypatch):
    questions = [a_question(at, [50.0], sent_at=at) for at in (99.9, 100.1, 109.9, 110.1)]
    level = watched(monkeypatch, [Report({"greeting": "connected"}, questions)])
    assert [question["v2v_ms"] for question in level["questions"]] == [100.1, 109.9]
    assert level["late_packets"] == 2


def test_the_gpu_is_looked_at_meanwhile(monkeypatch):
    gpu = [Sample(at, "0", percent, 1000.0 + at) for at, percent in ((99.0, 100.0), (101.0, 20.0), (109.0, 40.0))]
    level = watched(monkeypatch, [], gpu)
    assert (level["gpu_percent"], level["gpu_memory_mib"]) == (30.0, 1109.0)
