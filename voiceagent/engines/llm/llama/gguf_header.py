"""The metadata of a GGUF file, read without its weights. Pure Python, no llama.cpp.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

import struct
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from voiceagent.errors import VoiceAgentError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


def read_header(path: Path) -> dict[str, Any]:
    """Return the metadata. For arrays of strings (vocabularies) only the length is kept, as an int.

    Raises VoiceAgentError if the file does not exist, is not GGUF, or ends before its header does.
    """
    check_kind(path)
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        try:
            return _Reader(data).metadata()
        except (struct.error, KeyError, OverflowError) as error:
            raise VoiceAgentError(
                f"The language model {path} cannot be loaded: it is damaged (incomplete header). "
                "Check it with `voiceagent weights verify`, fetch it again with `voiceagent weights pull`."
            ) from error


def check_kind(path: Path) -> None:
    """Raise VoiceAgentError if the file does not exist or is not GGUF."""
    remedy = "Fetch it with `voiceagent weights pull`, or name another GGUF file in the settings."
    if not path.is_file():
        raise VoiceAgentError(f"The language model {path} does not exist. {remedy}")
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise VoiceAgentError(f"The language model {path} is not a GGUF file. {remedy}")


class _Reader:
    def __init__(self, data: mmap) -> None:
        self._data = data
        self._at = 8  # after the magic number and the version

    def metadata(self) -> dict[str, Any]:
        _tensors, count = self._scalar("Q"), self._scalar("Q")
        return {self._string(): self._value(self._scalar("I")) for _ in range(count)}

    def _scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self._data, self._at)
        self._at += struct.calcsize(f"<{code}")
        return value

    def _string(self) -> str:
        size = self._scalar("Q")
        begin, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise struct.error("a string ends after the file")
        return self._data[begin : self._at].decode("utf-8", "replace")

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._scalar(_SCALARS[kind])
        kind, count = self._scalar("I"), self._scalar("Q")
        if kind == _STRING:
            for _ in range(count):
                self._at += 8 + struct.unpack_from("<Q", self._data, self._at)[0]
            return count
        values = list(struct.unpack_from(f"<{count}{_SCALARS[kind]}", self._data, self._at))
        self._at += struct.calcsize(f"<{count}{_SCALARS[kind]}")
        return values
