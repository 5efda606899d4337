"""The GGUF file format, as far as the tests write it: metadata and float32 tensors.

https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3, little-endian, aligned to 32 bytes).
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
F32 = 0


def encode(meta: dict[str, Any], tensors: dict[str, NDArray[np.float32]]) -> bytes:
    """Return the bytes of a file; a tensor's last dimension is ggml's first."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(meta))
    head += b"".join(_string(key) + _value(value) for key, value in meta.items())
    body = b""
    for name, array in tensors.items():
        shape = array.shape[::-1]
        head += _string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, F32, len(body))
        body += _padded(array.astype("<f4").tobytes())
    return _padded(head) + body


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: Any) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", BOOL, value)
        case int():
            return struct.pack("<II", UINT32, value)
        case float():
            return struct.pack("<If", FLOAT32, value)
        case str():
            return struct.pack("<I", STRING) + _string(value)
    if isinstance(value[0], str):
        kind, data = STRING, b"".join(map(_string, value))
    else:
        kind, data = INT32, struct.pack(f"<{len(value)}i", *value)
    return struct.pack("<IIQ", ARRAY, kind, len(value)) + data


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 32)
