"""A form with a file, as clients upload recordings: to a folder of its own on disk, piece by piece."""

import asyncio
import logging
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, create_form_parser
from starlette.requests import Request

from voiceagent.doors.errors import TooLargeError, UnavailableError
from voiceagent.doors.openai.errors import InvalidRequestError

AT_ONCE = 8
"""Uploads under way at once: each may fill the disk with as much as is allowed."""
RETRY_S = 5
STALLED_S = 30.0
"""A client that sends nothing for this long has gone."""
CONFIG = {"MAX_FIELDS": 64, "MAX_FIELD_SIZE": 64_000, "MAX_MEMORY_FILE_SIZE": 0, "UPLOAD_DELETE_TMP": False}

logging.getLogger("python_multipart").setLevel(logging.WARNING)  # it tells of every file


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
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise InvalidRequestError("Send multipart/form-data with a file in the field `file`.", "file")
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
        files = list[File]()

        def on_field(part: Field) -> None:
            name = (part.field_name or b"").decode("utf-8", "replace")
            form.fields.setdefault(name, []).append((part.value or b"").decode("utf-8", "replace"))

        try:
            headers = {"Content-Type": request.headers["content-type"].encode("latin-1")}
            config = {**CONFIG, "UPLOAD_DIR": folder}
            await self._feed(request, create_form_parser(headers, on_field, files.append, config=config))
        except FormParserError as error:
            raise InvalidRequestError(f"The form cannot be read: {error}.") from error
        finally:
            for part in files:
                part.close()
        for part in files:
            if part.actual_file_name is not None:
                name = (part.field_name or b"").decode("utf-8", "replace")
                form.files[name] = Path(part.actual_file_name.decode())

    async def _feed(self, request: Request, parser: FormParser) -> None:
        received, chunks = 0, aiter(request.stream())
        while True:
            try:
                async with asyncio.timeout(STALLED_S):
                    chunk = await anext(chunks, None)
            except TimeoutError as error:
                raise InvalidRequestError(f"Nothing came for {STALLED_S:g} s: the upload has stalled.") from error
            if chunk is None:
                break
            received += len(chunk)
            if received > self._most:
                raise TooLargeError(
                    "too_large", f"The upload is larger than {self._most // 1_000_000} MB (openai.upload_mb)."
                )
            parser.write(chunk)
        parser.finalize()
