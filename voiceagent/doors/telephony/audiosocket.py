"""AudioSocket, Asterisk's protocol for a call's audio over TCP: frames of a kind, a length and a payload.

https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket
"""

import asyncio
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from voiceagent.audio.pcm import AudioError, Pcm, from_s16, to_s16
from voiceagent.doors.errors import BadRequestError

RATES = {
    0x10: 8_000,
    0x11: 12_000,
    0x12: 16_000,
    0x13: 24_000,
    0x14: 32_000,
    0x15: 44_100,
    0x16: 48_000,
    0x17: 96_000,
    0x18: 192_000,
}
"""Hz of the audio of a kind: 16 bits, little-endian, mono. Older Asterisk knows the first only."""


class Kind(IntEnum):
    """What a frame is, audio apart."""

    HANG_UP = 0x00
    ID = 0x01
    KEY = 0x03
    ERROR = 0xFF


@dataclass(frozen=True, slots=True)
class CallId:
    """The call's id, which Asterisk's dialplan has chosen."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Audio:
    """What the caller says."""

    kind: int
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class Key:
    """A key was pressed."""

    key: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """The call is over, `error` saying why if not by itself."""

    error: str = ""


Frame = CallId | Audio | Key | HangUp


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """Read a frame. Raises BadRequestError for one that is not AudioSocket's, IncompleteReadError at the end."""
    header = await reader.readexactly(3)
    kind, length = header[0], int.from_bytes(header[1:])
    if kind not in RATES and kind not in list(Kind):
        raise BadRequestError("bad_frame", f"Frames of the kind 0x{kind:02x} are not known: is this AudioSocket?")
    payload = await reader.readexactly(length)
    if kind in RATES:
        try:
            return Audio(kind, from_s16(payload))
        except AudioError as error:
            raise BadRequestError("bad_audio", str(error)) from error
    match Kind(kind):
        case Kind.HANG_UP:
            return HangUp()
        case Kind.ERROR:
            return HangUp(f"error {payload[:16].hex() or 'without a code'}")
        case Kind.KEY:
            return Key(payload.decode("ascii", "replace"))
        case Kind.ID:
            if length != 16:
                raise BadRequestError("bad_id", f"A call's id has 16 bytes, not {length}.")
            return CallId(UUID(bytes=payload))


def audio(kind: int, pcm: Pcm) -> bytes:
    """Return a frame of audio at the rate of its kind."""
    return _frame(kind, to_s16(pcm))


def hang_up() -> bytes:
    """Return the frame that ends a call; Asterisk's dialplan goes on."""
    return _frame(Kind.HANG_UP, b"")


def error(words: str) -> bytes:
    """Return the frame that says that something is wrong; Asterisk ends the call."""
    return _frame(Kind.ERROR, words.encode()[:0xFFFF])


def _frame(kind: int, payload: bytes) -> bytes:
    return bytes([kind]) + len(payload).to_bytes(2) + payload
