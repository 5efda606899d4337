"""What Twilio's Media Streams send, read strictly, and what is sent back.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voiceagent.audio.g711 import MU_LAW, RATE
from voiceagent.audio.pcm import Pcm
from voiceagent.doors.errors import BadRequestError, TooLargeError
from voiceagent.doors.json_text import json_of

MOST_CHARS = 64_000
"""Three seconds of audio in one message; Twilio sends 20 ms."""


@dataclass(frozen=True, slots=True)
class Start:
    """The stream begins."""

    stream: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Media:
    """Audio of the caller, at 8 kHz."""

    pcm: Pcm


@dataclass(frozen=True, slots=True)
class Key:
    """A key was pressed."""

    key: str


@dataclass(frozen=True, slots=True)
class Mark:
    """The audio before a mark was played, or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The call is over."""


@dataclass(frozen=True, slots=True)
class Other:
    """Nothing to act on: `connected`, audio that we sent ourselves, what is added to the protocol later."""


Message = Start | Media | Key | Mark | Stop | Other


def parse(text: object) -> Message:
    """Read a message. Raises BadRequestError, saying what is wrong with it, and TooLargeError."""
    if not isinstance(text, str):
        raise BadRequestError("bad_message", "A binary message came: Media Streams send JSON as text.")
    if len(text) > MOST_CHARS:
        raise TooLargeError("too_large", f"A message of {len(text)} characters came; {MOST_CHARS} are the most.")
    message = json_of(text)
    if not isinstance(message, dict) or not isinstance(message.get("event"), str):
        raise BadRequestError("bad_message", 'A message is a JSON object with an "event".')
    match message["event"]:
        case "start":
            return _start(_part(message, "start"))
        case "media":
            media = _part(message, "media")
            return Other() if media.get("track") == "outbound" else Media(_audio(media.get("payload")))
        case "dtmf":
            return Key(str(_part(message, "dtmf").get("digit")))
        case "mark":
            name = _part(message, "mark").get("name")
            return Mark(name) if isinstance(name, str) else Other()
        case "stop":
            return Stop()
    return Other()


def media(stream: str, pcm: Pcm) -> str:
    """Return a message with audio at 8 kHz."""
    payload = base64.b64encode(MU_LAW.encode(pcm)).decode()
    return json.dumps({"event": "media", "streamSid": stream, "media": {"payload": payload}})


def mark(stream: str, name: str) -> str:
    """Return a message that comes back when the audio before it has been played."""
    return json.dumps({"event": "mark", "streamSid": stream, "mark": {"name": name}})


def clear(stream: str) -> str:
    """Return the message that makes Twilio forget audio that it has not played."""
    return json.dumps({"event": "clear", "streamSid": stream})


def _part(message: dict[str, Any], name: str) -> dict[str, Any]:
    part = message.get(name)
    if not isinstance(part, dict):
        raise BadRequestError("bad_message", f'A {message["event"]} message has an object "{name}".')
    return part


def _start(start: dict[str, Any]) -> Start:
    stream, parameters = start.get("streamSid"), start.get("customParameters") or {}
    if not isinstance(stream, str) or not isinstance(parameters, dict):
        raise BadRequestError("bad_message", "A start message has a streamSid, and customParameters as an object.")
    given = start.get("mediaFormat") or {}
    wanted = {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1}
    if not isinstance(given, dict) or any(given.get(name, value) != value for name, value in wanted.items()):
        raise BadRequestError("bad_format", f"Audio is {wanted} here, not {str(given)[:80]}.")
    return Start(stream, {str(name): str(value) for name, value in parameters.items()})


def _audio(payload: object) -> Pcm:
    try:
        if not isinstance(payload, str):
            raise ValueError("it is no text")
        return MU_LAW.decode(base64.b64decode(payload, validate=True))
    except (ValueError, binascii.Error) as error:
        raise BadRequestError("bad_audio", f"The payload of a media message is not base64: {error}.") from error
