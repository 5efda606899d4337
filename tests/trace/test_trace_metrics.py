"""What the server counts, as a Prometheus would read it."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from voiceagent.trace import MARKS, StepRecord, TurnTrace
from voiceagent.trace.metrics import LAG_S, SLACK_S, STAGE_S, STEP_S, STREAMS, TOOL_S, VOICE_TO_VOICE_S, Metrics
from voiceagent.trace.tools import ToolUse


def scraped(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return every sample by its name and its label values, in the order of the labels' names."""
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    return {
        (sample.name.removeprefix("voiceagent_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def a_turn() -> TurnTrace:
    """Return a turn whose nine marks are 0.1 s apart, in the usual order."""
    return TurnTrace("ab12", 1, outcome="completed", marks={name: 50 + 0.1 * n for n, name in enumerate(MARKS)})


def test_a_turn_is_counted_by_its_outcome_with_its_times() -> None:
    metrics = Metrics()
    metrics.observe_turn(a_turn())
    seen = scraped(metrics)
    assert seen["turns_total", "completed"] == 1
    assert seen["turns_total", "failed"] == 0
    assert seen["voice_to_voice_seconds_sum",] == pytest.approx(0.7)
    assert seen["voice_to_voice_seconds_bucket", "0.6"] == 0
    assert seen["voice_to_voice_seconds_bucket", "0.85"] == 1
    assert seen["stage_seconds_sum", "turn_decision"] == pytest.approx(0.2)
    assert seen["stage_seconds_count", "first_packet"] == 1


def test_a_turn_without_marks_is_counted_without_times() -> None:
    metrics = Metrics()
    metrics.observe_turn(TurnTrace("ab12", 1, outcome="cancelled"))
    metrics.observe_turn(TurnTrace("ab12", 2))
    seen = scraped(metrics)
    assert seen["turns_total", "cancelled"] == 1
    assert seen["voice_to_voice_seconds_count",] == 0
    assert not any(key[0] == "stage_seconds_count" for key in seen)


def test_speculation_is_counted_by_its_fate() -> None:
    metrics = Metrics()
    metrics.observe_turn(TurnTrace("ab12", 1, outcome="completed", speculations_used=1, speculations_dropped=2))
    seen = scraped(metrics)
    assert seen["speculations_total", "used"] == 1
    assert seen["speculations_total", "dropped"] == 2


def test_a_step_is_counted_by_lane_and_key_but_not_by_size() -> None:
    metrics = Metrics()
    for size in (1, 2, 3):
        metrics.observe_step(StepRecord("llm", ("llm.decode", size), 1.0, 1.015))
    seen = scraped(metrics)
    assert seen["step_seconds_count", "llm.decode", "llm"] == 3
    assert seen["step_seconds_sum", "llm.decode", "llm"] == pytest.approx(0.045)


def test_a_late_step_is_a_miss_and_its_slack_is_below_zero() -> None:
    metrics = Metrics()
    late = StepRecord("tts", ("tts.segment", 1), 1.0, 1.2, streams=(1, 2), predicted_s=0.1, deadline=1.05)
    metrics.observe_step(late)
    metrics.observe_step(replace(late, deadline=2.0))
    metrics.observe_step(replace(late, need="speculative", failure="error"))
    seen = scraped(metrics)
    assert seen["step_misses_total", "tts.segment", "tts"] == 1
    assert seen["step_failures_total", "tts.segment", "error", "tts"] == 1
    assert seen["step_slack_seconds_bucket", "tts", "0.0"] == 1
    assert seen["step_slack_seconds_count", "tts"] == 2
    assert seen["step_streams_sum", "tts.segment", "tts"] == 6


def test_tools_are_counted_by_name_and_outcome_with_their_times() -> None:
    metrics = Metrics()
    metrics.observe_tool(ToolUse("weather", 1.0, 1.5, "done"))
    metrics.observe_tool(ToolUse("weather", 1.0, 11.0, "failed"))
    seen = scraped(metrics)
    assert seen["tool_calls_total", "done", "weather"] == 1
    assert seen["tool_calls_total", "failed", "weather"] == 1
    assert seen["tool_seconds_sum", "weather"] == 10.5


def test_everything_else_is_counted_by_hand() -> None:
    metrics = Metrics()
    metrics.sessions.inc()
    metrics.refused_sessions.labels("server_busy").inc()
    metrics.interruptions.inc()
    metrics.false_interruptions.inc()
    metrics.packets.labels("lost").inc(5)
    metrics.underruns.inc()
    metrics.engine_errors.labels("tts").inc()
    seen = scraped(metrics)
    assert seen["sessions",] == 1
    assert seen["refused_sessions_total", "server_busy"] == 1
    assert seen["refused_sessions_total", "server_full"] == 0
    assert seen["interruptions_total",] == seen["false_interruptions_total",] == 1
    assert seen["packets_total", "lost"] == 5
    assert seen["packets_total", "concealed"] == 0
    assert seen["underruns_total",] == 1
    assert seen["engine_errors_total", "tts"] == 1


def test_two_servers_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.sessions.inc()
    assert scraped(other)["sessions",] == 0


@pytest.mark.parametrize("buckets", [VOICE_TO_VOICE_S, STAGE_S, STEP_S, SLACK_S, LAG_S, TOOL_S, STREAMS])
def test_buckets_rise(buckets: tuple[float, ...]) -> None:
    assert list(buckets) == sorted(set(buckets))
