"""RTVI's envelope."""

import json

import pytest

from voiceagent.doors.rtvi.envelope import MAX_CHARS, Request, RequestRefusedError, negotiated, parse, refusal


def message(**changes):
    return json.dumps({"label": "rtvi-ai", "type": "send-text", "id": "7", "data": {"content": "Hi"}, **changes})


def test_a_message_is_read():
    assert parse(message()) == Request("send-text", "7", {"content": "Hi"})
    assert parse(message(data=None)) == Request("send-text", "7", {})


@pytest.mark.parametrize(
    "text",
    ["ping: 1764340000000", "ping", '{"type": "signalling", "message": {"type": "trackStatus", "enabled": true}}'],
)
def test_pings_and_signalling_need_no_answer(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\x00\x01", "Send text"),
        (None, "Send text"),
        ("pong", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", '"label": "rtvi-ai"'),
        ('{"type": "send-text"}', '"label": "rtvi-ai"'),
        (message(label="other"), '"label": "rtvi-ai"'),
        (message(type=3), '"type"'),
        (message(id=3), '"id" of a message is a string'),
        (message(data=[1]), '"data" an object'),
        (message(data={"content": "\ud83d"}), "surrogate"),
        ("x" * (MAX_CHARS + 1), f"longer than {MAX_CHARS}"),
    ],
)
def test_what_is_no_rtvi_is_refused_with_what_to_send(text, words):
    with pytest.raises(RequestRefusedError, match=words):
        parse(text)


def test_a_character_of_two_halves_is_one():
    assert parse(message(data={"content": "\U0001f600"})).data == {"content": "\U0001f600"}


@pytest.mark.parametrize(
    ("version", "spoken", "complaint"),
    [
        ("2.1.0", "2.2.0", None),
        ("2.9.0", "2.2.0", None),
        ("1.2.3", "1.2.3", None),
        ("0.3.0", "2.2.0", "speaks RTVI 0.3.0"),
        ("3.0.0", "2.2.0", "speaks RTVI 3.0.0"),
        ("2.1", "2.2.0", "no version such as 2.2.0"),
        ("two.0.0", "2.2.0", "no version such as 2.2.0"),
        (None, "2.2.0", "unknown"),
        (2, "2.2.0", "unknown"),
    ],
)
def test_versions_are_negotiated(version, spoken, complaint):
    agreed, wrong = negotiated(version)
    assert agreed == spoken
    assert (wrong is None) if complaint is None else complaint in wrong


def test_a_refusal_names_the_request_where_it_can():
    error = RequestRefusedError("No.")
    assert refusal(error, "7") == {"label": "rtvi-ai", "type": "error-response", "id": "7", "data": {"error": "No."}}
    assert refusal(error)["type"] == "error"
    assert refusal(error)["data"] == {"error": "No.", "message": "No.", "fatal": False}
