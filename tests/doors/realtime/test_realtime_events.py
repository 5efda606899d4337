"""What comes in over the Realtime door: read strictly, and refused with the field and what would work."""

import json

import pytest

from voiceagent.doors.realtime.beta import from_beta, to_beta
from voiceagent.doors.realtime.errors import EventError, error_of
from voiceagent.doors.realtime.events.parse import EVENTS, MAX_EVENT_CHARS, id_of, parse_event, read_event


def refused(event):
    with pytest.raises(EventError) as caught:
        parse_event(event)
    return caught.value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"\x00\x01", "invalid_event"),
        (None, "invalid_event"),
        ("{", "invalid_json"),
        (r'{"type": "response.create", "event_id": "\ud800"}', "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ("[1]", "invalid_event"),
        ("x" * (MAX_EVENT_CHARS + 1), "event_too_large"),
    ],
)
def test_what_is_no_event_is_refused(text, code):
    with pytest.raises(EventError) as caught:
        read_event(text)
    assert caught.value.code == code


def test_an_unknown_event_is_told_which_there_are():
    error = refused({"type": "response.craete"})
    assert "response.craete" in str(error)
    assert "response.create" in str(error)
    assert error.param == "type"
    assert refused({}).param == "type"
    assert refused({"type": ["response.create"]}).param == "type"


@pytest.mark.parametrize(
    ("event", "param", "code"),
    [
        ({"type": "input_audio_buffer.append"}, "audio", "missing_required_parameter"),
        ({"type": "input_audio_buffer.append", "audio": 7}, "audio", "invalid_value"),
        ({"type": "input_audio_buffer.append", "audio": "\ud800"}, "audio", "invalid_value"),
        ({"type": "session.update", "session": {"instruction": "x"}}, "session.instruction", "unknown_parameter"),
        ({"type": "session.update", "session": {"temperature": "1"}}, "session.temperature", "invalid_value"),
        ({"type": "session.update", "session": {"temperature": True}}, "session.temperature", "invalid_value"),
        (
            {"type": "session.update", "session": {"audio": {"output": {"format": {"type": "audio/mp3"}}}}},
            "session.audio.output.format",
            "invalid_value",
        ),
        (
            {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": -1},
            "audio_end_ms",
            "invalid_value",
        ),
        ({"type": "conversation.item.create", "item": {"type": "picture"}}, "item", "invalid_value"),
        ({"type": "response.create", "event_id": 7}, "event_id", "invalid_value"),
    ],
)
def test_a_wrong_field_is_named(event, param, code):
    error = refused(event)
    assert (error.param, error.code) == (param, code)
    assert str(error).startswith(param)


def test_an_error_repeats_the_clients_own_id():
    event = {"type": "session.update", "event_id": "mine"}
    assert error_of(refused(event), id_of(event))["event_id"] == "mine"
    assert id_of({"event_id": 7}) is None
    assert error_of(refused(event))["param"] == "session"


def test_every_event_of_the_protocol_is_known_by_its_name():
    assert sorted(EVENTS) == [
        "conversation.item.create",
        "conversation.item.delete",
        "conversation.item.retrieve",
        "conversation.item.truncate",
        "input_audio_buffer.append",
        "input_audio_buffer.clear",
        "input_audio_buffer.commit",
        "output_audio_buffer.clear",
        "response.cancel",
        "response.create",
        "session.update",
    ]


def test_a_beta_session_is_understood_and_shown_in_the_betas_form():
    session = {
        "modalities": ["text", "audio"],
        "voice": "ash",
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "pcm16",
        "input_audio_transcription": None,
        "turn_detection": {"type": "server_vad", "threshold": 0.4},
        "max_response_output_tokens": 40,
        "temperature": 0.7,
    }
    event = parse_event(from_beta({"type": "session.update", "session": session}))
    audio = event.session.audio
    assert audio.input.format.type == "audio/pcmu"
    assert audio.input.turn_detection.threshold == 0.4
    assert audio.output.voice == "ash"
    assert (event.session.max_output_tokens, event.session.output_modalities) == (40, ["audio"])
    wire = {"object": "realtime.session", **event.session.model_dump(exclude_unset=True)}
    shown = to_beta({"type": "session.updated", "session": wire})["session"]
    assert shown == {"object": "realtime.session", **session, "modalities": ["audio", "text"]}


def test_events_have_their_beta_names():
    assert to_beta({"type": "conversation.item.done", "item": {}}) is None
    item = {"content": [{"type": "output_audio", "transcript": "Hi."}]}
    event = to_beta({"type": "conversation.item.added", "item": item})
    assert event == {"type": "conversation.item.created", "item": {"content": [{"type": "audio", "transcript": "Hi."}]}}
    assert to_beta({"type": "response.output_audio.delta", "delta": "AA=="})["type"] == "response.audio.delta"
    assert json.dumps(to_beta({"type": "response.done", "response": {"output": [item], "output_modalities": ["text"]}}))
