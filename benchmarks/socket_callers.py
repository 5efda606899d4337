"""Callers over WebSockets: a microphone that is always on, and a client that plays what comes as soon as it can."""

import asyncio
import base64
import json
from abc import abstractmethod
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.caller import CONNECT_S
from benchmarks.line import Line
from benchmarks.listener import RATE
from benchmarks.microphone import Said, Talker
from benchmarks.webrtc_callers import RTVI, RTVI_READY
from voiceagent.audio.files import Resampler
from voiceagent.audio.pcm import Pcm, from_s16, to_s16


class SocketCaller(Line):
    """One conversation; `url` is the server's."""

    path = ""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url.replace("http", "ws", 1) + self.path
        self._talker = Talker()
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._socket: ClientConnection

    async def __aenter__(self) -> Self:
        self._socket = await connect(self._url, max_size=None, proxy=None)
        self._tasks = [asyncio.create_task(work) for work in (self._read(), self._write())]
        try:
            await self.introduce()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        self._tasks.append(asyncio.create_task(self._talk()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()

    async def say(self, pcm: Pcm) -> Said:
        """Speak 16 kHz audio; return when it was sent."""
        return await self._talker.say(pcm)

    def send(self, payload: dict[str, Any]) -> None:
        """Send a message."""
        self._outbox.put_nowait(json.dumps(payload))

    @abstractmethod
    async def introduce(self) -> None:
        """Wait until the conversation can begin. Raises CallerError."""

    @abstractmethod
    def send_audio(self, pcm: Pcm) -> None:
        """Send 20 ms of 16 kHz audio."""

    @abstractmethod
    def take(self, payload: dict[str, Any]) -> None:
        """A message has come."""

    async def _read(self) -> None:
        async for text in self._socket:
            self.take(json.loads(text))

    async def _write(self) -> None:
        while True:
            await self._socket.send(await self._outbox.get())

    async def _talk(self) -> None:
        while True:
            self.send_audio(await self._talker.frame())


class RtviSocketCaller(SocketCaller):
    """RTVI, as `pipecat eval` speaks it."""

    path = "/ws"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._ear: Resampler | None = None

    async def introduce(self) -> None:
        """Say that the client is ready, and wait for the bot. Raises CallerError."""
        self.send(RTVI_READY)
        await self.until(lambda: self.last("bot-ready"), CONNECT_S, "the bot")

    def send_audio(self, pcm: Pcm) -> None:
        """Send 20 ms of 16 kHz audio."""
        data = {"base64Audio": base64.b64encode(to_s16(pcm)).decode(), "sampleRate": RATE, "numChannels": 1}
        self.send({**RTVI, "type": "raw-audio", "id": "audio", "data": data})

    def take(self, payload: dict[str, Any]) -> None:
        """A message has come."""
        if payload["type"] == "bot-tts-audio":
            data = payload["data"]
            self._ear = self._ear or Resampler(data["sample_rate"], RATE)
            self.take_audio(self._ear.push(from_s16(base64.b64decode(data["audio"]))))
            return
        if payload["type"] == "bot-stopped-speaking":
            self.heard.forget(self.now)
        self.take_message(payload)


class RealtimeSocketCaller(SocketCaller):
    """OpenAI's Realtime protocol, in its own format: 24 kHz."""

    path = "/v1/realtime?model=any"
    rate = 24_000

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._mouth, self._ear = Resampler(RATE, self.rate), Resampler(self.rate, RATE)

    async def introduce(self) -> None:
        """Wait for the session. Raises CallerError."""
        await self.until(lambda: self.last("session.created"), CONNECT_S, "the session")

    def send_audio(self, pcm: Pcm) -> None:
        """Send 20 ms of 16 kHz audio."""
        audio = base64.b64encode(to_s16(self._mouth.push(pcm))).decode()
        self.send({"type": "input_audio_buffer.append", "audio": audio})

    def take(self, payload: dict[str, Any]) -> None:
        """A message has come."""
        if payload["type"] == "response.output_audio.delta":
            self.take_audio(self._ear.push(from_s16(base64.b64decode(payload["delta"]))))
            return
        if payload["type"] == "input_audio_buffer.speech_started":
            self.heard.forget(self.now)
        self.take_message(payload)
