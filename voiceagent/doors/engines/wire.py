"""One WebSocket of an engine's stream: messages out in order, without ever blocking the engine that makes them.

A client that does not read is given up: what waits for it is bounded.
"""

import asyncio
from contextlib import suppress

from starlette.websockets import WebSocket

from voiceagent.doors.wire import TRY_AGAIN, GoneError, Wire
from voiceagent.engines.remote.protocol import Message

MOST_WAITING = 8 * 2**20
"""Bytes: two minutes of a voice."""


class StreamWire(Wire):
    """An accepted WebSocket."""

    def __init__(self, socket: WebSocket) -> None:
        super().__init__(socket, '{"type": "commit"}')
        self._outbox: asyncio.Queue[tuple[Message, ...]] = asyncio.Queue()
        self._waiting = 0

    def put(self, *messages: Message) -> None:
        """Send messages that belong together, soon."""
        self._waiting += sum(len(message) for message in messages if isinstance(message, bytes))
        self._outbox.put_nowait(messages)

    async def write(self) -> None:
        """Send what is put, until cancelled. Raises GoneError for a client that is gone or does not read."""
        while True:
            for message in await self._outbox.get():
                if self._waiting > MOST_WAITING:
                    raise GoneError("The client does not read.")
                if isinstance(message, bytes):
                    self._waiting -= len(message)
                await self.send(message)

    async def turn_away(self, code: str, message: str, retry_after_s: int | None = None) -> None:
        """Send why nothing is lent, and close."""
        refusal = {"type": "refused", "code": code, "message": message, "retry_after_s": retry_after_s}
        with suppress(GoneError, RuntimeError):
            await self.send(refusal)
            await self._socket.close(TRY_AGAIN)
