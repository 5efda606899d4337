"""What a client is told of a session, in which order."""

import pytest

from voiceagent.doors.rtvi.call_messages import CallMessages
from voiceagent.doors.rtvi.narrator import Narrator
from voiceagent.session.effects import Floor, ResponseKind
from voiceagent.session.events import Outcome
from voiceagent.session.reports import (
    AgentPaused,
    AgentResumed,
    EngineFailed,
    FloorChanged,
    ResponseEnded,
    ResponseStarted,
    SegmentAnnounced,
    TextCompleted,
    TextWritten,
    ToolUsed,
    TurnTraced,
    UserStarted,
    UserStopped,
    UserText,
    UserTurnEnded,
    WordHeard,
)
from voiceagent.trace.turn import TurnTrace

REPLY = ResponseKind.REPLY


class Told:
    """A narrator, and what it has told."""

    def __init__(self, level="name", own=()):
        self.messages = []
        self.calls = CallMessages(self.messages.append, level, lambda name: name in own)
        self.narrator = Narrator(self.messages.append, self.calls, {"asr": "ear", "llm": "mind", "tts": "mouth"})

    def of(self, *reports):
        """Return the types and data of what is told of these reports."""
        begun = len(self.messages)
        for report in reports:
            self.narrator.report(report)
        return [(message["type"], message.get("data")) for message in self.messages[begun:]]

    def types(self, *reports):
        return [type for type, _ in self.of(*reports)]


def test_only_the_whole_of_a_turn_is_a_final_transcript():
    told = Told().of(
        UserStarted(),
        UserText(0, "What is", final=True),
        UserStopped(),
        UserStarted(),
        UserText(0, "What is the sea?", final=True),
        UserTurnEnded(0, "What is the sea?"),
        ResponseStarted(1, REPLY),
        FloorChanged(Floor.THINKING),
        UserText(0, "What is the sea?", final=True),
    )
    transcripts = [(data["text"], data["final"]) for type, data in told if type == "user-transcription"]
    assert transcripts == [("What is", False), ("What is the sea?", False), ("What is the sea?", True)]
    inputs = [(data["text"], data["final"]) for type, data in told if type == "user-input"]
    assert inputs == transcripts
    assert [type for type, _ in told if type.startswith("user-s")] == ["user-started-speaking", "user-stopped-speaking"]
    assert [type for type, _ in told][-3:] == ["user-stopped-speaking", "user-llm-text", "bot-llm-started"]


def test_keys_are_a_transcript_as_pipecat_writes_it():
    told = Told().of(UserTurnEnded(0, "DTMF: 1 2 #"), UserTurnEnded(1, "DTMF: 1 or 2?"))
    assert [data["text"] for type, data in told if type == "user-transcription"] == ["DTMF: 12#", "DTMF: 1 or 2?"]


def test_each_word_comes_with_what_was_said_and_what_is_left():
    told = Told()
    assert told.types(ResponseStarted(1, REPLY)) == ["bot-llm-started"]
    new, heard, last = (
        told.of(SegmentAnnounced(1, 0, ("Good", "morning."))),
        told.of(FloorChanged(Floor.AGENT), WordHeard(1, 0, 0)),
        told.of(TextCompleted(1), WordHeard(1, 0, 1)),
    )
    assert new[:2] == [("bot-tts-started", None), ("bot-llm-text", {"text": "Good morning. "})]
    assert new[2] == ("bot-transcription", {"text": "Good morning."})
    (_, output) = new[3]
    assert output["text"] == output["spoken_progress"]["remaining_text"] == "Good morning."
    assert {output[name] for name in ("output_type", "text_type", "aggregated_by")} == {"sentence"}
    assert [type for type, _ in heard] == ["bot-started-speaking", "bot-output", "bot-tts-text"]
    assert heard[1][1]["spoken_status"] == "in-progress"
    assert heard[1][1]["spoken_progress"] == {"accumulated_text": "Good", "remaining_text": "morning."}
    assert heard[1][1]["segment_id"] == output["segment_id"]
    assert [type for type, _ in last] == ["bot-llm-stopped", "bot-output", "bot-tts-text"]
    assert last[1][1]["spoken_status"] == "completed"
    assert told.types(ResponseEnded(1, Outcome.COMPLETED, 2, "Good morning.")) == [
        "bot-tts-stopped",
        "bot-stopped-speaking",
    ]


def test_clients_of_version_1_get_sentences_and_words():
    told = Told()
    told.narrator.legacy = True
    told.of(ResponseStarted(1, REPLY))
    output = [
        data
        for type, data in told.of(SegmentAnnounced(1, 0, ("Good", "morning.")), WordHeard(1, 0, 0), WordHeard(1, 0, 1))
        if type == "bot-output"
    ]
    assert output == [
        {"text": "Good morning.", "spoken": False, "aggregated_by": "sentence"},
        {"text": "Good", "spoken": True, "aggregated_by": "word"},
        {"text": "morning.", "spoken": True, "aggregated_by": "word"},
    ]


def test_a_cough_pauses_the_agent_and_interrupts_nothing():
    told = Told()
    told.of(ResponseStarted(1, REPLY), SegmentAnnounced(1, 0, ("Well.",)), FloorChanged(Floor.AGENT))
    assert told.types(UserStarted(), AgentPaused(1), FloorChanged(Floor.USER)) == [
        "user-started-speaking",
        "bot-stopped-speaking",
    ]
    assert told.types(AgentResumed(1), FloorChanged(Floor.AGENT)) == ["user-stopped-speaking", "bot-started-speaking"]


def test_a_sign_of_attention_is_a_backchannel():
    told = Told()
    told.of(ResponseStarted(1, REPLY), FloorChanged(Floor.AGENT), UserStarted(), AgentPaused(1))
    (_, data) = next(
        item
        for item in told.of(UserText(1, "mm-hm", final=True), AgentResumed(1))
        if item[1].get("input_type") == "backchannel"
    )
    assert (data["text"], data["final"]) == ("mm-hm", True)
    assert told.of(AgentResumed(1)) == []


def test_an_interruption_is_told_before_the_turn_that_causes_it():
    told = Told()
    told.of(ResponseStarted(1, REPLY), SegmentAnnounced(1, 0, ("Well.",)), FloorChanged(Floor.AGENT))
    told.narrator.typed = "7"
    assert told.types(UserTurnEnded(1, "Stop."), ResponseStarted(2, REPLY)) == [
        "bot-interrupted",
        "bot-llm-stopped",
        "bot-tts-stopped",
        "bot-stopped-speaking",
        "user-input",
        "user-llm-text",
        "bot-llm-started",
    ]
    assert (
        told.of(ResponseEnded(1, Outcome.INTERRUPTED, 0, ""), WordHeard(1, 0, 0), UserText(1, "Stop.", final=True))
        == []
    )


def test_what_is_wanted_as_text_is_not_said_to_be_spoken():
    messages = Told().of(
        ResponseStarted(1, REPLY),
        FloorChanged(Floor.AGENT),
        TextWritten(1, "Good *morning*. "),
        TextWritten(1, "Well?"),
        TextCompleted(1),
        ResponseEnded(1, Outcome.COMPLETED, 2, ""),
    )
    assert [type for type, _ in messages] == [
        "bot-llm-started",
        "bot-llm-text",
        "bot-transcription",
        "bot-output",
        "bot-llm-text",
        "bot-transcription",
        "bot-output",
        "bot-llm-stopped",
    ]
    assert "".join(data["text"] for type, data in messages if type == "bot-llm-text") == "Good *morning*. Well?"
    output = messages[3][1]
    assert output["text"] == "Good *morning*."
    assert (output["will_be_spoken"], output["spoken_status"]) == (False, "new")
    assert "spoken_progress" not in output


def test_raw_speech_detection_is_told_on_request():
    told = Told()
    assert told.types(UserStarted(), UserStopped()) == ["user-started-speaking"]
    told.narrator.raw_vad = True
    assert told.types(UserStarted(), UserStopped()) == ["vad-user-started-speaking", "vad-user-stopped-speaking"]


def use(running, **changes):
    return ToolUsed(1, "weather", "call_1", '{"city": "Rome"}', running, **changes)


@pytest.mark.parametrize(
    ("level", "own", "known", "result"),
    [
        ("none", (), {}, {}),
        ("name", (), {"function_name": "weather"}, {}),
        ("full", (), {"function_name": "weather", "arguments": {"city": "Rome"}}, {"result": "Rain"}),
        ("none", ("weather",), {"function_name": "weather", "arguments": {"city": "Rome"}}, {"result": "Rain"}),
    ],
)
def test_a_call_is_told_as_far_as_the_client_may_know(level, own, known, result):
    told = Told(level, own)
    name = {key: value for key, value in known.items() if key == "function_name"}
    assert told.of(ResponseStarted(1, REPLY), use(True))[1:] == [
        ("llm-function-call-started", name),
        ("llm-function-call-in-progress", {"tool_call_id": "call_1", **known}),
    ]
    assert told.of(use(False, result="Rain")) == [
        ("llm-function-call-stopped", {"tool_call_id": "call_1", "cancelled": False, **name, **result})
    ]
    assert told.types(ResponseEnded(1, Outcome.COMPLETED, 0, "")) == ["bot-llm-stopped"]


def test_clients_of_version_1_know_their_functions_calls_by_another_message():
    told = Told("name", ("weather",))
    told.calls.legacy = True
    call = {"tool_call_id": "call_1", "function_name": "weather", "args": {"city": "Rome"}}
    assert told.of(ResponseStarted(1, REPLY), use(True))[1:] == [
        ("llm-function-call-started", {"function_name": "weather"}),
        ("llm-function-call", call),
    ]
    told = Told()
    told.calls.legacy = True
    assert told.types(ResponseStarted(1, REPLY), use(True))[-1] == "llm-function-call-in-progress"


def test_a_call_that_outlives_its_response_is_cancelled():
    told = Told()
    told.of(ResponseStarted(1, REPLY), use(True))
    messages = told.of(ResponseEnded(1, Outcome.INTERRUPTED, 0, ""), use(False, result="Rain"))
    assert [data["cancelled"] for type, data in messages if type == "llm-function-call-stopped"] == [True]


def test_the_failure_of_a_tool_is_its_result():
    told = Told("full")
    told.of(ResponseStarted(1, REPLY), use(True))
    ((_, data),) = told.of(use(False, error="no network"))
    assert data["result"] == "Error: no network"


def test_the_failure_of_a_model_is_an_error_that_the_session_survives():
    ((type, data),) = Told().of(EngineFailed("llm", False, "The language model failed."))
    assert (type, data["error"], data["fatal"]) == ("error", "The language model failed.", False)


def test_metrics_are_seconds_by_model():
    trace = TurnTrace("s", 0, agent_text="Hello.")
    for mark, at in {
        "speech_end": 10.0,
        "silence": 10.2,
        "transcript_final": 10.3,
        "turn_decision": 10.2,
        "first_token": 10.5,
        "first_segment": 10.6,
        "first_audio": 10.7,
        "first_packet": 10.75,
    }.items():
        trace.mark(mark, at)
    ((type, data),) = Told().of(TurnTraced(trace))
    assert type == "metrics"
    assert data["ttfb"] == [
        {"processor": "asr", "model": "ear", "value": 0.1},
        {"processor": "llm", "model": "mind", "value": 0.2},
        {"processor": "tts", "model": "mouth", "value": 0.1},
    ]
    assert data["processing"] == [{"processor": "voice-to-voice", "value": 0.75}]
    assert data["characters"] == [{"processor": "tts", "model": "mouth", "value": 6}]


def test_metrics_of_a_typed_turn_begin_with_its_words():
    trace = TurnTrace("s", 0)
    trace.mark("turn_decision", 10.0)
    trace.mark("first_token", 10.25)
    ((_, data),) = Told().of(TurnTraced(trace))
    assert data["ttfb"] == [{"processor": "llm", "model": "mind", "value": 0.25}]
    assert data["processing"] == []
