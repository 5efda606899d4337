"""The STT service: audio in over a WebSocket, transcripts out; the client says when to finalise (docs/services.md).

A client's messages are taken in order, each when the one before is done with: every reset is answered before the next.
"""

import asyncio
import logging
from contextlib import suppress

from starlette.websockets import WebSocket

from voiceagent.audio.pcm import AudioError, from_s16
from voiceagent.doors.host import Host
from voiceagent.doors.services.wire import ServiceWire
from voiceagent.doors.speech.transcriber import Transcriber, TranscriptionError
from voiceagent.doors.wire import BadMessageError, GoneError, Payload
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)


class Recognition:
    """One client of the STT service, from connect to disconnect. Raises UnavailableError when there is no place."""

    def __init__(self, wire: ServiceWire, host: Host) -> None:
        self._wire = wire
        self._partial = ""
        """The text that the client has yet to be sent: a slow client gets the newest only."""
        self._changed = asyncio.Event()
        self._transcriber = Transcriber(host, on_partial=self._show, live=True)

    @classmethod
    async def serve(cls, socket: WebSocket, host: Host) -> None:
        """Serve one WebSocket until its client leaves."""
        await socket.accept()
        wire = ServiceWire(socket, "STT")
        try:
            client = cls(wire, host)
        except VoiceAgentError as error:
            with suppress(GoneError):
                await wire.turn_away(error)
            return
        await client.run()

    async def run(self) -> None:
        """Take messages until the client has left, or does not read."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send_partials())
                await self._wire.send({"type": "ready"})
                while True:
                    try:
                        await self._take(await self._wire.receive())
                    except (BadMessageError, AudioError, TranscriptionError) as error:
                        await self._wire.refuse(error)
        except* GoneError:
            pass
        finally:
            self._transcriber.close()

    async def _take(self, message: Payload | bytes) -> None:
        match message:
            case bytes():
                await self._transcriber.push(from_s16(message))
            case {"type": "reset" | "end"}:
                finalize = message.get("finalize", True)
                if not isinstance(finalize, bool):
                    raise BadMessageError('"finalize" is true (the utterance is over) or false (the text so far).')
                await self._answer(hard=finalize)
            case _:
                raise BadMessageError(
                    'Send audio as binary messages (16-bit, 16 kHz, mono), and {"type": "reset", "finalize": true}'
                    " for the final transcript, or false for the text so far."
                )

    async def _answer(self, *, hard: bool) -> None:
        """Send a final transcript, even of nothing: the client waits for it."""
        try:
            text = await self._transcriber.finalise(hard=hard)
        except TranscriptionError as error:
            log.warning("the STT service cannot transcribe", exc_info=error)
            await self._wire.refuse(error)
            text = self._transcriber.text
        self._partial = ""
        await self._wire.send({"type": "transcript", "text": text, "is_final": True, "finalize": hard})

    def _show(self, text: str) -> None:
        """Have the client sent what was understood so far."""
        self._partial = self._transcriber.text
        self._changed.set()

    async def _send_partials(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if text := self._partial:
                self._partial = ""
                await self._wire.send({"type": "transcript", "text": text, "is_final": False})
