"""A form with a file, as clients upload recordings: to a folder of its own on disk, piece by piece."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from voiceagent.doors.errors import TooLargeError, UnavailableError
from voiceagent.doors.openai.errors import InvalidRequestError
from voiceagent.doors.openai.parts import Parts

AT_ONCE = 8
"""Uploads under way at once: each may fill the disk with as much as is allowed."""
RETRY_S = 5
STALLED_S = 30.0
"""A client that sends nothing for this long has gone."""


@dataclass(slots=True)
class Form:
    """What was uploaded."""

    close: Callable[[], None]
    """Deletes the files."""
    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        """Return the value of a field, None if it is not there. Raises InvalidRequestError for several."""
        values = self.fields.get(name, [])
        if len(values) > 1:
            raise InvalidRequestError(f"{name} is given {len(values)} times; give it once.", name)
        return values[0] if values else None

    def several(self, name: str) -> list[str]:
        """Return the values of a field that may come several times, as NAME or NAME[]."""
        return [*self.fields.get(name, []), *self.fields.get(f"{name}[]", [])]


class Uploads:
    """Receives forms of at most `most_bytes`, a few at once."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._under_way = 0

    async def receive(self, request: Request) -> Form:
        """Read a multipart form; its files are there until it is closed.

        Raises InvalidRequestError for what is no form, TooLargeError, and UnavailableError when others upload.
        """
        if self._under_way >= AT_ONCE:
            raise UnavailableError(
                "server_busy", f"{AT_ONCE} uploads are under way. Try again in {RETRY_S} s.", RETRY_S
            )
        self._under_way += 1
        with ExitStack() as stack:
            stack.callback(self._end)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="voiceagent-", ignore_cleanup_errors=True))
            form = Form(stack.pop_all().close)
        try:
            await self._read(request, form, folder)
        except BaseException:
            form.close()
            raise
        return form

    def _end(self) -> None:
        self._under_way -= 1

    async def _read(self, request: Request, form: Form, folder: str) -> None:
        received, chunks = 0, aiter(request.stream())
        with closing(Parts(request.headers.get("content-type", ""), Path(folder))) as parts:
            while (chunk := await _next(chunks)) is not None:
                received += len(chunk)
                if received > self._most:
                    most = f"{self._most // 1_000_000} MB (openai.upload_mb)"
                    raise TooLargeError("too_large", f"The upload is larger than {most}.")
                parts.feed(chunk)
            parts.finish()
        form.fields = parts.fields
        form.files = {name: file for name, file in parts.files.items() if file.stat().st_size}


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    try:
        async with asyncio.timeout(STALLED_S):
            return await anext(chunks, None)
    except TimeoutError as error:
        raise InvalidRequestError(f"Nothing came for {STALLED_S:g} s: the upload has stalled.") from error
