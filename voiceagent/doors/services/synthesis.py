"""The TTS service: texts in over a WebSocket, audio out; a client interrupts by `cancel` (docs/services.md).

A client's messages are taken while audio is sent. One task sends everything that belongs to a stream, in order, and is
stopped before `cancel` or `init` is answered: no audio of a cancelled stream is sent after it.
"""

import asyncio
import logging
from contextlib import aclosing, suppress
from dataclasses import dataclass
from uuid import uuid4

from starlette.websockets import WebSocket

from voiceagent.doors.host import Host
from voiceagent.doors.services.voice import Style, audio_of, style_of
from voiceagent.doors.services.wire import ServiceWire
from voiceagent.doors.speech.speaker import Speaker
from voiceagent.doors.speech.speech import SpeechError
from voiceagent.doors.wire import BadMessageError, GoneError, Payload
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

MODES = ("batch", "stream")
PRESETS = ("aggressive", "balanced", "conservative")
MAX_TEXT_CHARS = 4_000
MOST_WAITING_CHARS = 20_000
MESSAGE_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class _Begin:
    """A stream begins."""

    number: int
    style: Style


@dataclass(frozen=True, slots=True)
class _Say:
    """A segment of the stream."""

    text: str
    at_once: bool
    """Whether audio is sent as it is made, or when the segment is whole."""


@dataclass(frozen=True, slots=True)
class _Close:
    """The stream ends here."""


class Synthesis:
    """One client of the TTS service, from connect to disconnect."""

    def __init__(self, wire: ServiceWire, host: Host, speaker: Speaker, rate: int) -> None:
        self._wire = wire
        self._host = host
        self._speaker = speaker
        self._rate = rate
        self._style = Style()
        self._mode = "batch"
        self._streams = 0
        self._open: int | None = None
        """The number of the stream that takes more texts."""
        self._waiting_chars = 0
        self._work: asyncio.Queue[_Begin | _Say | _Close] = asyncio.Queue()

    @classmethod
    async def serve(cls, socket: WebSocket, host: Host, rate: int) -> None:
        """Serve one WebSocket until its client leaves."""
        await socket.accept()
        wire = ServiceWire(socket, "TTS")
        try:
            speaker = Speaker(host, live=True)
        except VoiceAgentError as error:
            with suppress(GoneError):
                await wire.turn_away(error, fatal=True)
            return
        try:
            await cls(wire, host, speaker, rate).run()
        finally:
            speaker.close()

    async def run(self) -> None:
        """Take messages until the client has left, or does not read."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._sending = self._tasks.create_task(self._send())
                while True:
                    try:
                        await self._take(await self._wire.receive())
                    except GoneError:
                        raise
                    except VoiceAgentError as error:
                        await self._wire.refuse(error, fatal=False)
        except* GoneError:
            pass

    async def _take(self, message: Payload | bytes) -> None:
        if isinstance(message, bytes):
            raise BadMessageError("This service takes text messages only; the STT service takes audio.")
        match message:
            case {"type": "init"}:
                await self._init(message)
            case {"type": "text"}:
                self._text(message)
            case {"type": "close"}:
                if self._open is not None:
                    self._open = None
                    self._work.put_nowait(_Close())
            case {"type": "cancel"}:
                await self._cancel()
            case {"type": "ping"}:
                await self._wire.send({"type": "pong"})
            case _:
                raise BadMessageError(
                    'Send JSON such as {"type": "text", "text": "Hello."}; types: init, text, close, cancel, ping.'
                )

    async def _init(self, message: Payload) -> None:
        style = style_of(self._host, message.get("voice"), message.get("language"))
        self._mode = _one_of(MODES, message.get("default_mode", "batch"), "default_mode")
        self._style = style
        await self._cancel()
        self._begin()

    def _text(self, message: Payload) -> None:
        text = message.get("text")
        mode = _one_of(MODES, message.get("mode") or self._mode, "mode")
        _one_of(PRESETS, message.get("preset") or "conservative", "preset")
        if not isinstance(text, str) or len(text) > MAX_TEXT_CHARS:
            raise BadMessageError(f"A text is a string of at most {MAX_TEXT_CHARS} characters.")
        if self._waiting_chars + len(text) > MOST_WAITING_CHARS:
            raise BadMessageError(f"More than {MOST_WAITING_CHARS} characters wait to be spoken; send less at once.")
        if self._open is None:
            self._begin()
        if text.strip():
            self._waiting_chars += len(text)
            self._work.put_nowait(_Say(text, mode == "stream"))

    def _begin(self) -> None:
        self._streams += 1
        self._open = self._streams
        self._work.put_nowait(_Begin(self._streams, self._style))

    async def _cancel(self) -> None:
        """Forget the stream and all that waits; from here on nothing of it is sent."""
        self._sending.cancel()
        with suppress(asyncio.CancelledError):
            await self._sending
        self._open = None
        self._waiting_chars = 0
        self._work = asyncio.Queue()
        self._sending = self._tasks.create_task(self._send())

    async def _send(self) -> None:
        """Send what belongs to the streams, in order."""
        number, style, segments, samples, failed = 0, self._style, 0, 0, False
        while True:
            match await self._work.get():
                case _Begin(number, style):
                    segments, samples, failed = 0, 0, False
                    created = {"type": "stream_created", "stream_id": uuid4().hex, "sample_rate": self._rate}
                    await self._wire.send(created)
                case _Say(text, at_once):
                    self._waiting_chars -= len(text)
                    if failed:
                        continue
                    try:
                        spoken = await self._say(text, style, at_once)
                    except SpeechError as error:
                        log.warning("the TTS service cannot speak", exc_info=error)
                        failed = True
                        self._open = None if self._open == number else self._open
                        await self._wire.refuse(error, fatal=True)
                        continue
                    segments, samples = segments + 1, samples + spoken
                    complete = {"type": "segment_complete", "segment": segments, "audio_ms": self._ms(spoken)}
                    await self._wire.send(complete)
                case _Close() if not failed:
                    done = {"type": "done", "total_audio_ms": self._ms(samples), "segments_generated": segments}
                    await self._wire.send(done)

    async def _say(self, text: str, style: Style, at_once: bool) -> int:
        """Speak a segment; return its number of samples."""
        whole, count = b"", 0
        async with aclosing(audio_of(text, style, self._speaker, self._rate)) as pieces:
            async for audio in pieces:
                count += len(audio) // 2
                if at_once:
                    await self._send_audio(audio)
                else:
                    whole += audio
        await self._send_audio(whole)
        return count

    async def _send_audio(self, audio: bytes) -> None:
        for start in range(0, len(audio), MESSAGE_BYTES):
            await self._wire.send(audio[start : start + MESSAGE_BYTES])

    def _ms(self, samples: int) -> float:
        return round(1000 * samples / self._rate, 1)


def _one_of(known: tuple[str, ...], name: object, what: str) -> str:
    if name not in known:
        raise BadMessageError(f'"{what}" is one of {", ".join(known)}.')
    return str(name)
