"""What watchers are told of the lanes."""

from math import inf

from voiceagent.doors.page import messages
from voiceagent.trace.steps import StepRecord


def a_step(start: float, stream: int, deadline: float = inf) -> StepRecord:
    return StepRecord("llm", ("llm.decode", 1), start, start + 0.02, None, (stream,), 0.015, deadline)


def test_a_step_is_told_with_what_was_foreseen_and_what_was_left() -> None:
    (step,) = messages.lanes(2.0, [a_step(1.0, 7, deadline=1.01)], {("llm", 7)})["steps"]
    assert (step["predicted_ms"], step["slack_ms"], step["missed"], step["need"]) == (15.0, -5.0, True, "promised")
    assert (step["mine"], step["streams"], step["failure"]) == (True, 1, None)
    (timeless,) = messages.lanes(2.0, [a_step(1.0, 7)], set())["steps"]
    assert timeless["slack_ms"] is None
    assert not timeless["mine"]


def test_of_too_many_steps_others_earliest_are_left_out() -> None:
    steps = [a_step(float(n), stream=n % 2) for n in range(100)]
    shown = messages.lanes(100.0, steps, {("llm", 1)})["steps"]
    assert len(shown) == messages.MOST_STEPS
    assert sum(step["mine"] for step in shown) == 50
    assert [step["start"] for step in shown if not step["mine"]] == [float(n) for n in range(72, 100, 2)]


def test_a_message_about_ones_own_steps_alone_is_bounded_too() -> None:
    shown = messages.lanes(100.0, [a_step(float(n), 1) for n in range(100)], {("llm", 1)})["steps"]
    assert [step["start"] for step in shown] == [float(n) for n in range(36, 100)]
