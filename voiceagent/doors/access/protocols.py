"""uvicorn's two protocols, guarded: connections are counted, slow and stuck ones are closed, and what comes is read in
small pieces, within the client's share of the event loop.
"""

import asyncio
from abc import abstractmethod
from http import HTTPStatus
from time import thread_time
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from voiceagent.doors.access.guard import Guard

SMALLEST_PIECE, LARGEST_PIECE = 512, 64 * 1024
"""Bytes read at once. Of empty frames there are 85 in the smallest, which take a millisecond."""
QUICK_S, SLOW_S = 0.0005, 0.002
"""The next piece is larger after one that took less than this, and smaller after one that took more."""
HEADERS_S = 10.0
"""A client whose request has not come whole after this long, twice at most, is sent away."""
STUCK_S = 30.0
"""A client that takes nothing for this long is cut off."""


class GuardedConfig(Config):
    """uvicorn's configuration, with the guard of its port."""

    def __init__(self, app: Any, guard: Guard, **options: Any) -> None:
        self.guard = guard
        super().__init__(app, http=GuardedHttp, ws=GuardedWebSocket, **options)


class _Guarded(asyncio.Protocol):
    """What both protocols have in common; stands before uvicorn's class."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop

    def __init__(self, config: GuardedConfig, **state: Any) -> None:
        super().__init__(config=config, **state)  # type: ignore[call-arg]
        self.guard = config.guard
        self._unread = bytearray()
        self._piece = SMALLEST_PIECE
        self._reading_on: asyncio.TimerHandle | asyncio.Handle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._charge = self.guard.budget(self.address)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """End; what was not read is forgotten."""
        for timer in (self._reading_on, self._stuck):
            if timer is not None:
                timer.cancel()
        self._unread.clear()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Read what came, now or when it is its turn."""
        self._unread += data
        if self._reading_on is None:
            self._read_on()
        else:
            self.transport.pause_reading()  # the application may have wanted more

    def pause_writing(self) -> None:
        """The client is slow to take what is sent."""
        self._stuck = self.loop.call_later(STUCK_S, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """It has taken it."""
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        super().resume_writing()

    @property
    @abstractmethod
    def _is_sated(self) -> bool:
        """Whether the application has enough to do with what it was given."""

    @property
    def _is_replaced(self) -> bool:
        """Whether another protocol has taken over, with all that had come."""
        return False

    def _read_on(self) -> None:
        self._reading_on = None
        piece = bytes(self._unread[: self._piece])
        del self._unread[: self._piece]
        began = thread_time()
        super().data_received(piece)
        took_s = thread_time() - began
        wait_s = self._charge(took_s)
        if took_s > SLOW_S:
            self._piece = max(SMALLEST_PIECE, self._piece // 2)
        elif took_s < QUICK_S:
            self._piece = min(LARGEST_PIECE, self._piece * 2)
        if self.transport.is_closing() or self._is_replaced:
            self._unread.clear()
        elif wait_s or (self._unread and not self._is_sated):
            self.transport.pause_reading()
            self._reading_on = self.loop.call_later(wait_s, self._read_on)
        elif not self._unread and not self._is_sated:
            self.transport.resume_reading()


class GuardedHttp(_Guarded, H11Protocol):
    """HTTP: a connection is counted as long as it lasts, also when it becomes a WebSocket."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it in few words."""
        super().connection_made(transport)
        self._awaiting: asyncio.TimerHandle | None = None
        self._refusal = self.guard.enter(self.address)
        if self._refusal is not None:
            self.transport.write(_refusal(self._refusal))
            self.transport.close()
        else:
            self._await_request(None)

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        if self._refusal is None:
            self.guard.leave(self.address)
        if self._awaiting is not None:
            self._awaiting.cancel()  # or thousands of short connections would be kept until it is due
        super().connection_lost(error)

    @property
    def _is_sated(self) -> bool:
        return False  # a paused request is read on within its buffer; no more comes from the transport

    @property
    def _is_replaced(self) -> bool:
        return self.transport.get_protocol() is not self

    def _require_request(self, seen: object) -> None:
        """Close a connection that was waiting for the same request when it was last looked at."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        waits = self.cycle is None or self.cycle.response_complete
        if waits and self.cycle is seen:
            self.transport.close()
        else:
            self._await_request(self.cycle if waits else self)

    def _await_request(self, seen: object) -> None:
        self._awaiting = self.loop.call_later(HEADERS_S, self._require_request, seen)


class GuardedWebSocket(_Guarded, WebSocketsSansIOProtocol):
    """A WebSocket: its frames wait while the application has messages to read; large messages have a bound in all."""

    _holds = 0

    def connection_lost(self, error: Exception | None) -> None:
        """End; the connection was counted when it was HTTP."""
        self.guard.leave(self.address)
        self._hold(0)
        super().connection_lost(error)
        self.frames = []  # protocol and parser hold each other: it would be long until they are collected
        self.conn.reader.buffer.clear()

    async def receive(self) -> Any:
        """Return the next message, and read on when it was the last."""
        message = await super().receive()
        if self._unread and not self.read_paused and self._reading_on is None:
            self.transport.pause_reading()
            self._reading_on = self.loop.call_soon(self._read_on)
        return message

    @property
    def _is_sated(self) -> bool:
        return self.read_paused

    def _read_on(self) -> None:
        super()._read_on()
        if not self.transport.is_closing() and not self._hold(self._unfinished):
            self._hold(0)
            self.transport.abort()

    @property
    def _unfinished(self) -> int:
        return (self.conn.current_size or 0) + len(self.conn.reader.buffer)

    def _hold(self, now: int) -> bool:
        before, self._holds = self._holds, now
        return self.guard.hold(before, now)


def _refusal(status: int) -> bytes:
    words = f"Too many connections{' from your address' if status == HTTPStatus.TOO_MANY_REQUESTS else ''}."
    body = f'{{"error": {{"code": "too_many_connections", "message": "{words}"}}}}'
    return (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\nRetry-After: 10\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    ).encode()
