"""A Realtime conversation over a WebSocket: events as text both ways, audio in them, at the pace of a listener.

What the client does not read waits here, and not for long: one that reads nothing is cut off, and tells nobody's
session anything more.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any
from uuid import uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect

from voiceagent.audio.pacer import Pacer
from voiceagent.audio.pcm import Pcm
from voiceagent.doors.connections import Connections
from voiceagent.doors.host import Host
from voiceagent.doors.realtime.client import RealtimeClient
from voiceagent.doors.realtime.formats import Encoder
from voiceagent.session.coordinator import Session

log = logging.getLogger(__name__)

MOST_WAITING_CHARS = 4_000_000
"""Of events that a client has not read: a minute of audio."""
CLOSING_S = 1.0
"""How long a good-bye may take."""
GOING_AWAY, TOO_SLOW = 1001, 1008
"""Codes of the WebSocket protocol (RFC 6455, 7.4.1)."""


class Socket:
    """One caller."""

    def __init__(self, websocket: WebSocket, connections: Connections, idle_s: float) -> None:
        self.id = uuid4().hex
        self._loop = asyncio.get_running_loop()
        self._websocket = websocket
        self._connections = connections
        self._idle_s = idle_s
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._waiting_chars = 0
        self._ended: asyncio.Future[tuple[int, str]] = self._loop.create_future()
        self._client: RealtimeClient | None = None
        self._encoder: Encoder | None = None

    @property
    def session(self) -> Session:
        """The conversation."""
        return self.client.session

    @property
    def client(self) -> RealtimeClient:
        """What the events mean."""
        assert self._client is not None
        return self._client

    def describe(self) -> dict[str, Any]:
        """Describe the connection for /api/sessions."""
        return {"connection": "websocket", "waiting": self._waiting.qsize()}

    def begin(self, client: RealtimeClient, host: Host) -> None:
        """Open the session of a client. Raises VoiceAgentError when it cannot be had."""
        self._client = client
        session = host.open_session(client.report, client.config)
        client.begin(session)

    def send(self, event: str) -> None:
        """Send an event after those that wait; if that is too much, the client is cut off."""
        if self._waiting_chars + len(event) > MOST_WAITING_CHARS:
            self.end(TOO_SLOW, "too slow: read what is sent")
        elif not self._ended.done():
            self._waiting.put_nowait(event)
            self._waiting_chars += len(event)

    def end(self, code: int, reason: str) -> None:
        """Have the connection end; the first reason counts."""
        if not self._ended.done():
            self._ended.set_result((code, reason))

    async def close(self, reason: str) -> None:
        """End the session and the connection. Safe to call twice."""
        self.end(GOING_AWAY, reason)

    async def talk(self) -> None:
        """Hold the conversation until one side ends it."""
        self.session.open()
        pacer = Pacer(self.session, self._send_audio, self._forget_audio)
        tasks = [asyncio.create_task(work) for work in (self._read(), self._write(), pacer.run())]
        ends: list[asyncio.Future[Any]] = [*tasks, self._ended]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            self.session.close()
            self._connections.left(self)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect | OSError):
                log.error("a conversation broke off", exc_info=outcome, extra={"session": self.session.id})
                self.end(1011, "internal error")
        self.end(1000, "hangup")
        code, reason = self._ended.result()
        log.info("session ended", extra={"session": self.session.id, "reason": reason})
        with suppress(Exception):  # it may be gone, or read nothing
            async with asyncio.timeout(CLOSING_S):
                await self._websocket.close(code, reason)

    async def _read(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    message = await self._websocket.receive()
            except TimeoutError:
                self.end(GOING_AWAY, f"idle: nothing came for {self._idle_s:.0f} s")
                return
            if message["type"] == "websocket.disconnect":
                return
            self.client.receive(message.get("text"))
            await asyncio.sleep(0)  # many messages at once are no reason to keep others waiting

    async def _write(self) -> None:
        while True:
            event = await self._waiting.get()
            await self._websocket.send_text(event)
            self._waiting_chars -= len(event)

    async def _send_audio(self, frame: Pcm) -> None:
        if self._encoder is None or self._encoder.name != self.client.output_format:
            self._encoder = Encoder(self.client.output_format, self.session.playout.rate)
        self.client.speaking.sounds(*self._encoder.push(frame))

    async def _forget_audio(self) -> None:
        """The client forgets by itself: when speech begins, or it has asked for silence."""
        self._encoder = None
