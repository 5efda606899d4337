"""The log of steps remembers the latest of each lane."""

from dataclasses import replace

import pytest

from voiceagent.trace import StepLog, StepRecord
from voiceagent.trace.steps import occupancy


def a_step(lane: str, start: float, end: float) -> StepRecord:
    return StepRecord(lane, (f"{lane}.step", 1), start, end)


def test_since_gives_what_ended_later_in_the_order_it_started() -> None:
    log = StepLog()
    llm, asr, tts = a_step("llm", 1.0, 4.0), a_step("asr", 2.0, 3.0), a_step("tts", 0.5, 0.9)
    for record in (tts, asr, llm):
        log.add(record)
    assert log.since(1.0) == [llm, asr]
    assert log.since(0.0) == [tts, llm, asr]
    assert log.since(4.0) == []


def test_a_step_that_was_reported_late_by_another_lane_is_not_missed() -> None:
    log = StepLog()
    log.add(a_step("llm", 1.0, 2.001))
    log.add(a_step("asr", 1.0, 1.999))
    assert [record.lane for record in log.since(2.0)] == ["llm"]


def test_a_busy_lane_forgets_its_own_steps_only() -> None:
    log = StepLog(steps_per_lane=10)
    log.add(a_step("asr", 0.0, 0.1))
    for n in range(1000):
        log.add(a_step("vad", n, n + 0.1))
    kept = log.since(-1.0)
    assert len(kept) == 11
    assert kept[0].lane == "asr"
    assert kept[-1].start == 999


def test_slack_is_what_was_left_when_the_step_began() -> None:
    step = StepRecord("tts", ("tts.segment", 1), 10.0, 10.1, predicted_s=0.08, deadline=10.5)
    assert step.slack_s == pytest.approx(0.42)
    assert not step.missed
    assert step.to_json()["slack_ms"] == pytest.approx(420)
    assert step.to_json()["predicted_ms"] == 80


def test_a_step_that_ends_after_its_deadline_has_missed_it_unless_it_may_be_thrown_away() -> None:
    late = StepRecord("tts", ("tts.segment", 1), 10.0, 10.6, deadline=10.5)
    assert late.missed
    assert not replace(late, need="speculative").missed
    assert not replace(late, need="awaited").missed
    assert not replace(late, deadline=float("inf")).missed
    assert replace(late, deadline=float("inf")).to_json()["slack_ms"] is None


def test_occupancy_is_the_share_of_the_time_in_which_a_lane_worked() -> None:
    steps = [a_step("llm", 9.0, 11.0), a_step("llm", 12.0, 13.0), replace(a_step("asr", 19.0, 21.0), failure="error")]
    lanes = occupancy(steps, 10.0, 20.0)
    assert lanes["llm"] == {"busy": 0.2, "steps": 2, "missed": 0, "failed": 0}
    assert lanes["asr"] == {"busy": 0.1, "steps": 1, "missed": 0, "failed": 1}
