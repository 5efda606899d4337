"""One connection of a Wyoming client: what it asks for, one thing after the other."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.ping import Ping, Pong

from voiceagent.doors.errors import BadRequestError, RequestError
from voiceagent.doors.host import Host
from voiceagent.doors.wyoming.conversations import Conversations
from voiceagent.doors.wyoming.events import read_event, send
from voiceagent.doors.wyoming.handling import Handling
from voiceagent.doors.wyoming.info import info_of
from voiceagent.doors.wyoming.synthesis import Synthesis
from voiceagent.doors.wyoming.transcription import Transcription
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

SILENT_S = 60.0
"""A client that sends nothing for so long in the midst of audio or text gives its place back."""


class WyomingClient:
    """`serve` returns when the client is gone, or has sent what is no event. Raises TimeoutError for one that does not
    read."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: Host,
        conversations: Conversations,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host
        self._transcription = Transcription(host, self._send)
        self._synthesis = Synthesis(host, self._send, self._idle, self._run)
        self._handling = Handling(host, conversations, self._send)
        self._job: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Answer events until the connection ends."""
        try:
            while (event := await self._next()) is not None:
                try:
                    await self._take(event)
                except VoiceAgentError as error:
                    await self._refuse(error)
        except VoiceAgentError as error:
            await self._refuse(error)
        finally:
            self._transcription.close()
            if self._job is not None:
                self._job.cancel()
                await asyncio.gather(self._job, return_exceptions=True)

    async def _next(self) -> Event | None:
        """Return the next event; while a place is held for the client, it may not wait forever with it."""
        try:
            async with asyncio.timeout(SILENT_S if self._holds_a_place else None):
                return await read_event(self._reader)
        except TimeoutError as error:
            raise BadRequestError("too-slow", f"Nothing came for {SILENT_S:g} s in the midst of a request.") from error

    @property
    def _holds_a_place(self) -> bool:
        return self._transcription.under_way or self._synthesis.under_way

    async def _take(self, event: Event) -> None:
        match event.type:
            case "describe":
                await self._send(info_of(self._host))
            case "ping":
                await self._send(Pong(Ping.from_event(event).text))
            case "transcribe":
                self._transcription.ask(event)
            case "audio-start":
                await self._transcription.start(event)
            case "audio-chunk":
                await self._transcription.hear(event)
            case "audio-stop":
                await self._transcription.stop()
            case "synthesize":
                await self._synthesis.whole(event)
            case "synthesize-start":
                await self._synthesis.start(event)
            case "synthesize-chunk":
                self._synthesis.chunk(event)
            case "synthesize-stop":
                self._synthesis.stop()
            case "transcript":
                await self._idle()
                self._run(self._handling.answer(event))
            case other:  # an event that only others answer, or one of a later protocol
                log.debug("event ignored", extra={"event": other[:40]})

    async def _idle(self) -> None:
        """Wait for the job under way."""
        if self._job is not None:
            await self._job

    def _run(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a job that takes its time, while events are read; one at a time (`_idle`)."""
        self._job = asyncio.create_task(self._guard(job))

    async def _guard(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except VoiceAgentError as error:
            await self._refuse(error)
        except OSError:  # the client is gone, or takes nothing
            self._writer.transport.abort()

    async def _refuse(self, error: VoiceAgentError) -> None:
        code = error.code.replace("_", "-") if isinstance(error, RequestError) else "failed"
        log.warning("request refused", extra={"door": "wyoming", "reason": str(error)})
        await self._send(Error(str(error), code))

    async def _send(self, event: Eventable) -> None:
        await send(self._writer, event)
