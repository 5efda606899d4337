"""The parts of a multipart form, written where they belong as they come: fields to memory, files to a folder."""

from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from voiceagent.doors.openai.errors import InvalidRequestError

MOST_PARTS, FIELD_BYTES = 64, 64_000


class Parts:
    """Takes the body of a form, whose type is `content_type`; files go to `folder`.

    Raises InvalidRequestError for what is no such form.
    """

    def __init__(self, content_type: str, folder: Path) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise InvalidRequestError("Send multipart/form-data, with a recording in the field `file`.", "file")
        self.fields: dict[str, list[str]] = {}
        self.files: dict[str, Path] = {}
        self._folder = folder
        self._headers: dict[bytes, bytes] = {}
        self._header, self._value = b"", b""
        self._name, self._field = "", bytearray()
        self._file: BinaryIO | None = None
        self._count = 0
        self._whole = False
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._over,
        }
        self._parser = MultipartParser(options[b"boundary"], callbacks)  # type: ignore[arg-type]

    def feed(self, data: bytes) -> None:
        """Take more of the body."""
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise InvalidRequestError(f"The form cannot be read: {error}.") from error

    def finish(self) -> None:
        """The body is whole."""
        if not self._whole:
            raise InvalidRequestError("The form ends before its last boundary.")

    def close(self) -> None:
        """Close a file that is still open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._count += 1
        if self._count > MOST_PARTS:
            raise InvalidRequestError(f"A form has up to {MOST_PARTS} parts.")
        self._headers, self._field = {}, bytearray()
        self._header, self._value = b"", b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            path = self._folder / str(self._count)
            self._file = path.open("wb")
            self.files[self._name] = path

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self._field += data[start:end]
        if len(self._field) > FIELD_BYTES:
            raise InvalidRequestError(f"A field has up to {FIELD_BYTES} bytes.", self._name)

    def _end(self) -> None:
        if self._file is None:
            self.fields.setdefault(self._name, []).append(self._field.decode("utf-8", "replace"))
        self.close()

    def _over(self) -> None:
        self._whole = True
