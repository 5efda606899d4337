"""A WebSocket whose text messages are JSON objects and whose binary messages are audio.

A client that does not read is given up after `SEND_S`: no audio piles up for it.
"""

import asyncio
import json
import logging
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

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
    """One client's WebSocket, accepted."""

    def __init__(self, socket: WebSocket, service: str) -> None:
        self._socket = socket
        self._service = service
        self._refused = False

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
            payload = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadMessageError('Messages are JSON objects, such as {"type": "reset"}.') from error
        if not isinstance(payload, dict):
            raise BadMessageError('Messages are JSON objects, such as {"type": "reset"}.')
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
            log.warning("a client of the %s service does not read: cut off", self._service)
            raise GoneError("The client does not read.") from error
        except (WebSocketDisconnect, RuntimeError) as error:  # starlette's, once the socket is closed
            raise GoneError("The client has left.") from error

    async def refuse(self, error: VoiceAgentError, **more: object) -> None:
        """Send an error in the services' form; the first one of a client is logged."""
        if not self._refused:
            self._refused = True
            log.info("a message to the %s service is refused", self._service, extra={"reason": str(error)})
        await self.send({"type": "error", "message": str(error), **more})

    async def turn_away(self, error: VoiceAgentError, **more: object) -> None:
        """Send an error and close: there is no place for this client now."""
        log.info("a client of the %s service is turned away", self._service, extra={"reason": str(error)})
        await self.send({"type": "error", "message": str(error), **more})
        await self._socket.close(TRY_AGAIN)
