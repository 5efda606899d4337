"""A WebSocket whose text messages are JSON objects and whose binary messages are audio.

A client that does not read is given up after `SEND_S`: no audio piles up for it.
"""

import asyncio
import json
import logging
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.json_text import json_of
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

SEND_S = 10.0
MAX_MESSAGE_CHARS = 32_000
TRY_AGAIN = 1013
"""WebSocket close code "try again later" (IANA registry)."""

Payload = dict[str, Any]


class BadMessageError(VoiceAgentError):
    """A client's message that cannot be understood; the text says what would be."""


class GoneError(VoiceAgentError):
    """The client is gone, or does not read."""


class Wire:
    """One client's WebSocket, accepted. `example` is a message that a client may send."""

    def __init__(self, socket: WebSocket, example: str) -> None:
        self._socket = socket
        self._example = example

    async def receive(self) -> Payload | bytes:
        """Return the next message. Raises BadMessageError, and GoneError when the client has left."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise GoneError("The client has left.")
        if (audio := message.get("bytes")) is not None:
            return bytes(audio)
        text = message.get("text") or ""
        if len(text) > MAX_MESSAGE_CHARS:
            raise BadMessageError(f"A message has at most {MAX_MESSAGE_CHARS} characters.")
        try:
            payload = json_of(text)
        except BadRequestError as error:
            raise BadMessageError(f"{error} Messages are JSON objects, such as {self._example}.") from error
        if not isinstance(payload, dict):
            raise BadMessageError(f"Messages are JSON objects, such as {self._example}.")
        return payload

    async def send(self, message: Payload | bytes) -> None:
        """Send a message. Raises GoneError when the client has left or reads nothing for `SEND_S`."""
        try:
            async with asyncio.timeout(SEND_S):
                if isinstance(message, bytes):
                    await self._socket.send_bytes(message)
                else:
                    await self._socket.send_text(json.dumps(message))
        except TimeoutError as error:
            log.warning("a client does not read: cut off", extra={"path": self._socket.url.path})
            raise GoneError("The client does not read.") from error
        except (WebSocketDisconnect, RuntimeError) as error:  # starlette's, once the socket is closed
            raise GoneError("The client has left.") from error
