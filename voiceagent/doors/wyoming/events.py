"""Wyoming's events over TCP: read with limits, which the library has none of, and sent to clients that may not read."""

import asyncio
from typing import Any

from wyoming.event import Event, Eventable, async_write_event

from voiceagent.doors.errors import BadRequestError, TooLargeError
from voiceagent.doors.json_text import json_of

MOST_DATA_BYTES = 64_000
MOST_PAYLOAD_BYTES = 1_000_000
"""Ten seconds of 48 kHz audio in one chunk; clients send a tenth of a second."""
SEND_S = 10.0
"""A client that takes nothing for so long does not read, or has vanished."""


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """Return the next event, None at the end.

    Raises BadRequestError and TooLargeError for what is no event, after which nothing more can be read.
    """
    try:
        line = await reader.readline()
    except ValueError as error:  # longer than the reader holds
        raise TooLargeError("too-large", "The first line of an event is longer than 64 kB.") from error
    if not line:
        return None
    head = _object(line)
    data, kind = head.get("data") or {}, head.get("type")
    if not isinstance(kind, str) or not isinstance(data, dict):
        raise BadRequestError("bad-event", 'An event has a "type", a text, and perhaps "data", an object.')
    if length := _length(head, "data_length", MOST_DATA_BYTES):
        data |= _object(await reader.readexactly(length))
    length = _length(head, "payload_length", MOST_PAYLOAD_BYTES)
    return Event(kind, data, await reader.readexactly(length) if length else None)


async def send(writer: asyncio.StreamWriter, event: Eventable) -> None:
    """Send an event. Raises TimeoutError where nothing is taken, OSError where the client is gone."""
    async with asyncio.timeout(SEND_S):
        await async_write_event(event.event(), writer)


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json_of(data, "event")
    except BadRequestError as error:
        raise BadRequestError("bad-event", f"This is not a Wyoming event: {str(error)[:100]}") from error
    if not isinstance(value, dict):
        raise BadRequestError("bad-event", "This is not a Wyoming event: no JSON object.")
    return value


def _length(head: dict[str, Any], name: str, most: int) -> int:
    value = head.get(name) or 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadRequestError("bad-event", f"{name} is a number of bytes, not {str(value)[:40]!r}.")
    if value > most:
        raise TooLargeError("too-large", f"{name} is {value}; {most} is the most.")
    return value
