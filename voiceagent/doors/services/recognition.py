"""The STT service: audio in over a WebSocket, transcripts out; the client says when to finalise (docs/services.md)."""

import asyncio
import logging
from contextlib import suppress

from starlette.websockets import WebSocket

from voiceagent.audio.pcm import AudioError, from_s16
from voiceagent.doors.host import Host
from voiceagent.doors.services.listener import Listener
from voiceagent.doors.services.wire import BadMessageError, GoneError, Payload, Wire
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)


class Recognition:
    """One client of the STT service, from connect to disconnect."""

    def __init__(self, wire: Wire, listener: Listener) -> None:
        self._wire = wire
        self._listener = listener
        self._partial = ""
        """The text that the client has yet to be sent: a slow client gets the newest only."""
        self._changed = asyncio.Event()
        self._soft: asyncio.Task[None] | None = None

    @classmethod
    async def serve(cls, socket: WebSocket, host: Host) -> None:
        """Serve one WebSocket until its client leaves."""
        await socket.accept()
        wire = Wire(socket, "STT")
        listener: Listener | None = None
        with suppress(GoneError):
            try:
                listener = Listener(host, lambda text: recognition.show(text))
            except VoiceAgentError as error:
                await wire.turn_away(error)
                return
            recognition = cls(wire, listener)
            try:
                await recognition.run()
            finally:
                listener.close()

    def show(self, text: str) -> None:
        """Have the client sent what was understood so far."""
        self._partial = text
        self._changed.set()

    async def run(self) -> None:
        """Take messages in order until the client has left: raises GoneError then."""
        await self._wire.send({"type": "ready"})
        showing = asyncio.create_task(self._show())
        try:
            while True:
                try:
                    await self._take(await self._wire.receive())
                except (BadMessageError, AudioError) as error:
                    await self._wire.refuse(error)
        finally:
            for task in (showing, self._soft):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError, GoneError):
                        await task

    async def _take(self, message: Payload | bytes) -> None:
        match message:
            case bytes():
                await self._listener.hear(from_s16(message))
            case {"type": "reset" | "end"}:
                finalize = message.get("finalize", True)
                if not isinstance(finalize, bool):
                    raise BadMessageError('"finalize" is true (the utterance is over) or false (the text so far).')
                await self._reset(hard=finalize)
            case _:
                raise BadMessageError(
                    'Send audio as binary messages (16-bit, 16 kHz, mono), and {"type": "reset", "finalize": true}'
                    " for the final transcript, or false for the text so far."
                )

    async def _reset(self, *, hard: bool) -> None:
        if self._soft is not None and not self._soft.done():
            self._listener.hurry()
            await self._soft
        if hard:
            await self._answer(hard=True)
        else:
            self._soft = asyncio.create_task(self._answer(hard=False))

    async def _answer(self, *, hard: bool) -> None:
        """Send a final transcript, even of nothing: the client waits for it."""
        try:
            text = await (self._listener.end() if hard else self._listener.transcribe())
        except GoneError:
            raise
        except Exception as error:  # whatever the recogniser raised
            log.warning("the STT service cannot transcribe", exc_info=error)
            text = self._listener.text
            await self._wire.refuse(VoiceAgentError("The recogniser failed; what is said from here on is heard."))
        await self._final(text, hard=hard)

    async def _final(self, text: str, *, hard: bool) -> None:
        self._partial = ""
        await self._wire.send({"type": "transcript", "text": text, "is_final": True, "finalize": hard})

    async def _show(self) -> None:
        """Send partial transcripts as they change."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if text := self._partial:
                self._partial = ""
                await self._wire.send({"type": "transcript", "text": text, "is_final": False})
