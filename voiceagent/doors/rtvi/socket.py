"""RTVI over a WebSocket: messages as text, and audio inside them; what `pipecat eval` speaks."""

import asyncio
import base64
import json
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect

from voiceagent.audio.pacer import MIN_LEAD_S, Pacer
from voiceagent.audio.pcm import Pcm, to_s16
from voiceagent.config.doors import ReportedCalls
from voiceagent.doors.host import Host
from voiceagent.doors.rtvi import evaluation
from voiceagent.doors.rtvi.conversation import RtviConversation
from voiceagent.doors.rtvi.envelope import Payload, Request, build, fatal
from voiceagent.doors.rtvi.functions import ClientFunctions
from voiceagent.doors.rtvi.microphone import Microphone
from voiceagent.doors.rtvi.session_config import for_rtvi

log = logging.getLogger(__name__)

READY_S = 10.0
"""A client says `client-ready` within this time."""
MOST_WAITING = 512
"""Messages on their way to a client; one that reads none for ten seconds is cut off."""
CLOSING_S = 2.0
TRY_AGAIN_LATER = 1013


class RtviSocket:
    """One connected client. Raises VoiceAgentError when an engine has no place left."""

    def __init__(self, websocket: WebSocket, host: Host, calls: ReportedCalls) -> None:
        self.id = uuid4().hex
        self._websocket = websocket
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._over = asyncio.Event()
        self._closed = False
        self._opened = False
        self._audio_type: str | None = "bot-tts-audio"
        self._microphone = Microphone()
        self._tasks: list[asyncio.Task[None]] = []
        self._writing: asyncio.Task[None] | None = None
        self._conversation = RtviConversation(
            lambda: self.session, self._send, self._over.set, ClientFunctions(), dict(host.models), calls, self._take
        )
        self.session = host.open_session(self._conversation.report, for_rtvi(host.config))
        self._pacer = Pacer(self.session, self._send_audio, self._forget_audio, MIN_LEAD_S)
        if {"skip_tts", "capture_bot_audio"} & set(websocket.query_params):
            self._adopt(evaluation.flags_of(websocket.query_params))

    def describe(self) -> dict[str, Any]:
        """Describe the connection for /api/sessions."""
        return {"connection": "rtvi websocket"}

    async def run(self) -> None:
        """Serve the client until it leaves, or must."""
        self._writing = self._start(self._write())
        self._start(self._read())
        self._start(self._await_ready())
        await self._over.wait()

    async def close(self, reason: str) -> None:
        """End the session and the connection. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._over.set()
        try:
            self.session.close()
        except Exception:  # an engine failed to close its stream: the place is free all the same
            log.exception("a session ended badly", extra={"session": self.session.id})
        log.info("session ended", extra={"session": self.session.id, "reason": reason})
        with suppress(RuntimeError, WebSocketDisconnect, TimeoutError):  # it may be gone already
            async with asyncio.timeout(CLOSING_S):
                if self._writing is not None and not self._writing.done():  # the last words may say why
                    await self._waiting.join()
                await self._websocket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = self._loop.create_task(work)
        task.add_done_callback(self._note_end)
        self._tasks.append(task)
        return task

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, WebSocketDisconnect | RuntimeError):
            log.error("an RTVI client's connection failed", exc_info=error, extra={"session": self.session.id})
        if error is not None:
            self._over.set()

    async def _read(self) -> None:
        while (message := await self._websocket.receive())["type"] != "websocket.disconnect":
            if self._over.is_set():
                return
            text = message.get("text")
            self._conversation.receive(message.get("bytes") if text is None else text)
            if self._conversation.ready and not self._opened:
                self._open()
        self._over.set()

    async def _write(self) -> None:
        while True:
            await self._websocket.send_text(await self._waiting.get())
            self._waiting.task_done()

    async def _await_ready(self) -> None:
        await asyncio.sleep(READY_S)
        if not self._opened:
            self._send(fatal(f"No client-ready came within {READY_S:g} s."))
            self._over.set()

    def _open(self) -> None:
        self._opened = True
        self.session.open()
        self._start(self._pacer.run())

    def _take(self, request: Request) -> bool:
        """Carry out what only a WebSocket has: audio in messages, and evaluations."""
        if kind := evaluation.kind_of(request):
            self._prepare(kind, request.data.get("d"))
            return True
        if request.type not in ("raw-audio", "raw-audio-batch"):
            return False
        for pcm in self._microphone.take(request.data):
            if len(pcm):
                self.session.hear(pcm)
        return True

    def _prepare(self, kind: str, data: object) -> None:
        if kind == evaluation.CONNECT:
            self._adopt(evaluation.flags_of(data if isinstance(data, dict) else {}))
        elif kind == evaluation.CANCEL:
            self._over.set()
        else:
            evaluation.prepare(kind, data, self.session, self._conversation.desk, self._conversation.narrator)

    def _adopt(self, flags: evaluation.Flags) -> None:
        if flags.skip_tts:
            self.session.configure(replace(self.session.config, speak=False))
        self._audio_type = "eval-bot-audio" if flags.capture_bot_audio else None

    def _send(self, message: Payload) -> None:
        try:
            self._waiting.put_nowait(json.dumps(message, ensure_ascii=False))
        except asyncio.QueueFull:
            if not self._over.is_set():
                log.info("a client that does not read is cut off", extra={"session": self.session.id})
            self._over.set()

    async def _send_audio(self, frame: Pcm) -> None:
        if self._audio_type is None:
            return
        rate = self.session.playout.rate
        audio = base64.b64encode(to_s16(frame)).decode()
        data = {"audio": audio, "sampleRate": rate, "sample_rate": rate, "num_channels": 1}
        self._send(build(self._audio_type, data))

    async def _forget_audio(self) -> None:
        """Do nothing: `bot-stopped-speaking`, which has been sent, says so."""
