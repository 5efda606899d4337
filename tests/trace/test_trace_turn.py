"""A turn's record: marks go in, stages come out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.trace import MARKS, Mark, StepRecord, TurnTrace
from voiceagent.trace.tools import ToolUse


def a_turn(**marks: float) -> TurnTrace:
    """Return a turn whose speech ended at 100 s; marks are given in ms after that."""
    trace = TurnTrace("ab12", 3)
    for name in MARKS:
        if name in marks:
            trace.mark(name, 100 + marks[name] / 1000)
    return trace


def plain_turn() -> TurnTrace:
    return a_turn(
        speech_end=0,
        silence=200,
        turn_decision=260,
        transcript_final=300,
        first_token=350,
        first_segment=420,
        first_audio=500,
        first_packet=512,
        playout_end=3000,
    )


def stages(trace: TurnTrace) -> dict[str, tuple[int, int]]:
    return {span.name: (round(span.start_ms), round(span.end_ms)) for span in trace.spans()}


def test_each_stage_begins_at_what_it_waited_for() -> None:
    assert stages(plain_turn()) == {
        "silence": (0, 200),
        "transcript": (200, 300),
        "turn decision": (200, 260),
        "first token": (300, 350),
        "first segment": (350, 420),
        "first audio": (420, 500),
        "first packet": (500, 512),
    }
    assert plain_turn().voice_to_voice_ms == pytest.approx(512)


def test_a_response_that_was_ready_early_waited_for_the_turn_decision() -> None:
    trace = a_turn(speech_end=0, silence=200, turn_decision=450, first_segment=300, first_audio=400, first_packet=460)
    assert stages(trace)["first packet"] == (450, 460)


def test_a_transcript_made_before_the_silence_was_certain_began_at_the_end_of_speech() -> None:
    trace = a_turn(speech_end=0, silence=200, transcript_final=150, first_token=180)
    assert stages(trace)["transcript"] == (0, 150)
    assert stages(trace)["first token"] == (150, 180)


def test_speculative_work_may_have_ended_before_the_speech_did() -> None:
    trace = a_turn(speech_end=0, silence=200, transcript_final=-80, first_token=-30, first_segment=10)
    assert stages(trace)["transcript"] == (-80, -80)
    assert stages(trace)["first token"] == (-80, -30)
    assert stages(trace)["first segment"] == (-30, 10)


def test_the_first_mark_of_a_name_wins() -> None:
    trace = a_turn(speech_end=0, silence=200)
    trace.mark("silence", 105.0)
    assert stages(trace) == {"silence": (0, 200)}


def test_a_stage_with_a_missing_mark_is_left_out() -> None:
    trace = a_turn(speech_end=0, first_segment=300, first_audio=400)
    assert stages(trace) == {"first audio": (300, 400)}
    assert trace.voice_to_voice_ms is None


def test_a_typed_turn_has_no_stages_and_no_voice_to_voice() -> None:
    trace = a_turn(first_token=300, first_segment=350, first_packet=400)
    assert trace.spans() == []
    assert trace.voice_to_voice_ms is None


def test_a_user_who_goes_on_speaking_makes_every_mark_void() -> None:
    trace = plain_turn()
    trace.rewind("speech_end")
    assert trace.marks == {}


def test_a_changed_transcript_voids_the_response_but_not_the_silence() -> None:
    trace = plain_turn()
    trace.rewind("transcript_final")
    assert set(trace.marks) == {"speech_end", "silence", "turn_decision"}
    trace.mark("transcript_final", 100.4)
    assert stages(trace)["transcript"] == (200, 400)


@pytest.mark.parametrize(("used", "dropped", "speculation"), [(0, 0, "none"), (0, 2, "dropped"), (1, 2, "used")])
def test_speculation_is_named_after_what_became_of_it(used: int, dropped: int, speculation: str) -> None:
    trace = TurnTrace("ab12", 1, speculations_used=used, speculations_dropped=dropped)
    assert trace.speculation == speculation


def test_the_record_is_plain_json_and_holds_no_words_unless_asked() -> None:
    trace = plain_turn()
    trace.outcome, trace.user_text, trace.agent_text = "completed", "my secret", "your secret"
    trace.steps = [StepRecord("llm", ("llm.decode", 2), 100.30, 100.31, 7, (1, 2))]
    data = json.loads(json.dumps(trace.to_json()))
    assert "secret" not in json.dumps(data)
    assert data["voice_to_voice_ms"] == 512.0
    assert data["marks"]["first_packet"] == 100.512
    assert data["spans"][0] == {"name": "silence", "start_ms": 0.0, "end_ms": 200.0}
    (step,) = data["steps"]
    assert (step["lane"], step["key"], step["size"], step["generation"]) == ("llm", "llm.decode", 2, 7)
    assert trace.to_json(text=True)["user_text"] == "my secret"
    assert trace.to_json(text=True)["agent_text"] == "your secret"


def test_tools_are_shown_behind_the_stages_and_one_that_goes_on_ends_with_the_turn() -> None:
    trace = plain_turn()
    trace.tools = [ToolUse("weather", 100.3, 100.8, "done"), ToolUse("book", 100.3)]
    data = trace.to_json()
    assert data["spans"][-2:] == [
        {"name": "tool weather", "start_ms": 300.0, "end_ms": 800.0},
        {"name": "tool book", "start_ms": 300.0, "end_ms": 3000.0},
    ]
    assert data["tools"] == [
        {"tool": "weather", "ms": 500.0, "outcome": "done"},
        {"tool": "book", "ms": None, "outcome": "running"},
    ]
    assert "weather" not in stages(trace)


def test_tools_of_a_typed_turn_are_listed_without_a_place_in_time() -> None:
    trace = TurnTrace("ab12", 1, tools=[ToolUse("weather", 100.3, 100.8, "done")])
    assert trace.to_json()["spans"] == []
    assert trace.to_json()["tools"] == [{"tool": "weather", "ms": 500.0, "outcome": "done"}]


def test_a_tool_ends_once() -> None:
    use = ToolUse("weather", 100.0)
    assert use.settle("cancelled", 101.0)
    assert not use.settle("done", 109.0)
    assert (use.outcome, use.seconds) == ("cancelled", 1.0)


@given(marks=st.dictionaries(st.sampled_from(MARKS), st.floats(-1, 10), min_size=1))
def test_no_stage_ever_takes_less_than_no_time(marks: dict[Mark, float]) -> None:
    trace = TurnTrace("ab12", 1, marks=marks)
    assert all(span.ms >= 0 for span in trace.spans())
    json.dumps(trace.to_json())
