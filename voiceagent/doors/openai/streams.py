"""Answers that are sent while they are made, and work that ends when its client goes."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from voiceagent.doors.openai.errors import body_of
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

T = TypeVar("T")

DONE = b"data: [DONE]\n\n"


class Streamed(StreamingResponse):
    """Sends an answer that has begun; when its client goes, or takes nothing for long, the answer is closed at once."""

    STALLED_S = 60.0
    """A client that takes nothing for this long is gone."""

    def __init__(self, content: "_Begun", media_type: str) -> None:
        super().__init__(content, media_type=media_type, headers={"Cache-Control": "no-store"})
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_in_time(message: Any) -> None:
            async with asyncio.timeout(self.STALLED_S):
                await send(message)

        sending = asyncio.create_task(self._send_all(send_in_time))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await leaving
            try:
                await sending
            except (asyncio.CancelledError, OSError, TimeoutError):
                pass
            except VoiceAgentError as error:  # the client sees an answer that breaks off
                log.warning("answer broken off", extra={"reason": str(error)})

    async def _send_all(self, send: Callable[[Any], Awaitable[None]]) -> None:
        try:
            await self.stream_response(send)
        finally:
            await self._content.aclose()


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`; if the client goes first, end it and raise ClientDisconnect.

    The request's body has been read.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request.receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def begun(request: Request, content: AsyncGenerator[bytes, None], media_type: str) -> Streamed | None:
    """Return the answer that streams `content` once its first piece is there, so that an early failure has a status of
    its own; None if there is no piece. Raises what `content` raises.
    """

    async def first() -> bytes | None:
        return await anext(content, None)

    try:
        piece = await unless_gone(request, first())
    except BaseException:
        await content.aclose()
        raise
    return None if piece is None else Streamed(_Begun(piece, content), media_type)


class _Begun:
    """An iterator whose first item is known. A generator that is not iterated would not close the one it stands on."""

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes, None]) -> None:
        self._first: bytes | None = first
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        first, self._first = self._first, None
        return await anext(self._rest) if first is None else first

    async def aclose(self) -> None:
        """Close the rest."""
        await self._rest.aclose()


def event(data: dict[str, Any]) -> bytes:
    """Return one server-sent event."""
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


async def events(content: AsyncGenerator[dict[str, Any], None], end: bytes = b"") -> AsyncGenerator[bytes, None]:
    """Yield what `content` yields as server-sent events, and `end`.

    What fails after the first event is told by an event; what fails before it is raised.
    """
    sent = False
    try:
        async for data in content:
            yield event(data)
            sent = True
        if sent and end:
            yield end
    except VoiceAgentError as error:
        if not sent:
            raise
        log.warning("answer broken off", extra={"reason": str(error)})
        yield event({"error": body_of(error)})
    finally:
        await content.aclose()


async def _left(receive: Receive) -> None:
    """Return when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
