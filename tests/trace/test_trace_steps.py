"""The log of steps remembers the latest of each lane."""

from voiceagent.trace import StepLog, StepRecord


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
