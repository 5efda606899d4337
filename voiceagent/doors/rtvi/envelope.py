"""RTVI's envelope, `{"label": "rtvi-ai", "type", "id", "data"}`, read and written. Knows no session."""

from dataclasses import dataclass
from typing import Any

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.json_text import json_of
from voiceagent.errors import VoiceAgentError

LABEL = "rtvi-ai"
VERSION = "2.2.0"
"""The protocol that is spoken with clients of major version 2, and with those that name none."""
LEGACY_MAJOR = 1
"""Clients of this major version get their own version back, and `bot-output` as they know it."""
MAX_CHARS = 400_000
"""The longest message: about five seconds of audio in base64, at 24 kHz."""

Payload = dict[str, Any]


class RequestRefusedError(VoiceAgentError):
    """A request that cannot be carried out; `id` is the request's, "" if it has none."""

    def __init__(self, message: str, id: str = "") -> None:
        super().__init__(message)
        self.id = id


@dataclass(frozen=True, slots=True)
class Request:
    """A client's message."""

    type: str
    id: str
    data: Payload


def parse(text: object) -> Request | None:
    """Return the request in a message; None for what needs no answer: pings, and WebRTC signalling.

    Raises RequestRefusedError for what is no RTVI message.
    """
    if not isinstance(text, str):
        raise RequestRefusedError("Send text: RTVI messages are JSON, and audio is base64 in `raw-audio`.")
    if len(text) > MAX_CHARS:
        raise RequestRefusedError(f"The message is longer than {MAX_CHARS} characters.")
    if text.startswith("ping"):
        return None
    try:
        message = json_of(text)
    except BadRequestError as error:
        raise RequestRefusedError(str(error)) from error
    if isinstance(message, dict) and message.get("type") == "signalling":
        return None
    if not isinstance(message, dict) or message.get("label") != LABEL or not isinstance(message.get("type"), str):
        raise RequestRefusedError(f'The message is not RTVI: it needs "label": "{LABEL}" and a "type".')
    id, data = message.get("id", ""), message.get("data")
    if not isinstance(id, str) or not isinstance(data, dict | None):
        raise RequestRefusedError('The "id" of a message is a string, and its "data" an object.')
    return Request(message["type"], id, data or {})


def build(type: str, data: object = None, id: str = "") -> Payload:
    """Return a message; without data or id where there are none."""
    message: Payload = {"label": LABEL, "type": type}
    if id:
        message["id"] = id
    if data is not None:
        message["data"] = data
    return message


def refusal(error: VoiceAgentError, id: str = "") -> Payload:
    """Return what a client is told: `error-response` to its request, `error` where that cannot be named."""
    return build("error-response", {"error": str(error)}, id) if id else failure(str(error))


def failure(words: str) -> Payload:
    """Return an `error` that the session survives."""
    return build("error", {"error": words, "message": words, "fatal": False})


def fatal(words: str) -> Payload:
    """Return an `error` that ends it."""
    return build("error", {"error": words, "message": words, "fatal": True})


def negotiated(version: object) -> tuple[str, str | None]:
    """Return the version to speak with a client, and what is wrong with its own, if anything."""
    known = f"This server speaks RTVI {VERSION}, and to clients of version 1."
    if not isinstance(version, str):
        return VERSION, f"The client's RTVI version is unknown: client-ready needs a version. {known}"
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return VERSION, f"{version[:40]!r} is no version such as {VERSION}. {known}"
    major = int(parts[0])
    if major == LEGACY_MAJOR:
        return version, None
    if major != int(VERSION.partition(".")[0]):
        return VERSION, f"The client speaks RTVI {version[:40]}. {known}"
    return VERSION, None
