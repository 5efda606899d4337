"""The simulation of many callers: repeatable, worth as much as its tables, and summed up as it says."""

import json
import xml.etree.ElementTree as ET

import pytest

from benchmarks import schedule
from benchmarks.chart import line_chart
from benchmarks.cost_tables import H200, RTX_5090, SPARK, measured_cpu
from benchmarks.simulated_engines import SYSTEMS, one_at_a_time
from benchmarks.simulation import simulate

OURS, FIFO, ROUND_ROBIN, HAND_SHAKE = SYSTEMS


def row(callers, system="ours", device="spark", p95=500.0, silences=0, unanswered=0):
    return {
        "device": device,
        "system": system,
        "callers": callers,
        "v2v_ms_p50": p95 / 2,
        "v2v_ms_p95": p95,
        "v2v_ms_p99": p95,
        "turns": 9,
        "unanswered": unanswered,
        "silences": silences,
        "silence_ms_max": None,
    }


def test_the_same_callers_hear_the_same_twice():
    assert simulate(OURS, SPARK, 2, 8.0) == simulate(OURS, SPARK, 2, 8.0)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_in_every_system_one_caller_on_a_fast_device_is_answered_without_a_break(system):
    heard = simulate(system, RTX_5090, 1, 8.0)
    assert heard.v2v_ms
    assert max(heard.v2v_ms) < 500
    assert (heard.silences_ms, heard.unanswered) == ([], 0)


def test_deadlines_answer_sooner_than_order_of_arrival_when_callers_share_a_slow_device():
    ours, fifo = (simulate(system, SPARK, 4, 15.0).v2v_ms for system in (OURS, FIFO))
    assert max(ours) < max(fifo)


def test_two_cores_as_measured_carry_a_caller():
    heard = simulate(OURS, measured_cpu(), 1, 8.0)
    assert heard.v2v_ms
    assert heard.silences_ms == []


def test_a_faster_device_has_a_faster_table_and_batches_never_take_less_time_than_one():
    for kind, sizes in SPARK.table.steps.items():
        costs = [SPARK.table.cost_s((kind, size)) for size in sorted(sizes)]
        assert costs == sorted(costs), kind
        assert RTX_5090.table.cost_s((kind, 1)) <= SPARK.table.cost_s((kind, 1)), kind
        assert H200.table.cost_s((kind, 1)) <= RTX_5090.table.cost_s((kind, 1)), kind


def test_behind_a_lock_a_step_serves_one_stream():
    table = one_at_a_time(SPARK.table)
    assert table.batch_limit("tts.segment") == table.batch_limit("asr.chunk") == 1
    assert table.batch_limit("llm.decode") == 2
    assert table.batch_limit("vad.frame") == SPARK.table.batch_limit("vad.frame")


@pytest.mark.parametrize("broken", [{"p95": 1201.0}, {"silences": 1}, {"unanswered": 1}])
def test_a_device_carries_only_as_many_as_it_kept_its_promise_to(broken):
    rows = [row(1), row(2), row(4, **broken), row(8)]
    assert schedule.capacity(rows, "spark", "ours") == 2
    assert schedule.capacity(rows[2:], "spark", "ours") == 0
    assert schedule.capacity(rows, "spark", "fifo") is None


def test_the_summary_compares_callers_carried_and_counts_silences_at_twice_fifos_load():
    rows = [
        row(1, "fifo"),
        row(2, "fifo", p95=2000.0),
        row(1),
        row(2),
        row(4),
        row(8, silences=3),
        row(1, device="rtx5090", p95=600.0),
    ]
    summary = schedule.summarise(rows)
    assert summary["callers_vs_fifo_spark"] == 4.0
    assert summary["v2v_ms_p50_rtx5090_1"] == 300.0
    assert summary["mid_response_silences"] == 0
    assert summary["callers_hand_shake_spark"] is None


def test_what_was_not_measured_is_not_in_the_summary_as_a_number():
    summary = schedule.summarise([row(1, device="h200")])
    assert (
        summary["callers_vs_fifo_spark"] is summary["v2v_ms_p50_rtx5090_1"] is summary["mid_response_silences"] is None
    )


def test_a_house_that_is_hopeless_is_not_asked_again(monkeypatch):
    asked = []

    def slow_fifo(system, device, callers, seconds, days):
        asked.append((system.name, callers))
        heard = type(simulate(OURS, RTX_5090, 1, 0.1))()
        heard.v2v_ms = [9000.0 if system is FIFO else 300.0]
        return heard

    monkeypatch.setattr(schedule, "simulate", slow_fifo)
    schedule.measure(SPARK, quick=True, stop_at=float("inf"))
    assert [callers for name, callers in asked if name == "fifo"] == [1]
    assert [callers for name, callers in asked if name == "ours"] == list(schedule.QUICK_CALLERS)


def test_a_run_writes_its_report_and_its_charts(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(schedule, "QUICK_CALLERS", (1,))
    monkeypatch.setattr(schedule, "QUICK_TALK_S", 5.0)
    assert (
        schedule.main(["--quick", "--device", "rtx5090", "--json", f"{tmp_path}/r.json", "--plots", str(tmp_path)]) == 0
    )
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["summary"]["v2v_ms_p50_rtx5090_1"] <= 400
    assert ET.parse(tmp_path / "schedule-rtx5090.svg").getroot().tag.endswith("svg")
    assert "rtx5090 ours" in capsys.readouterr().out


def test_a_chart_has_a_line_for_each_name_and_refuses_to_draw_nothing():
    chart = line_chart("A & B", {"one": [(1, 300.0), (2, 600.0)], "two": [(1, 400.0)]}, 1200.0, "callers", "ms")
    assert chart.count("<polyline") == 2
    assert "A &amp; B" in chart
    with pytest.raises(ValueError, match="nothing to draw"):
        line_chart("empty", {"one": []}, 1200.0, "callers", "ms")
