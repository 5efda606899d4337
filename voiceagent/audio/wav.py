"""The head of a 16-bit WAV file."""

import struct

HEADER_BYTES = 44
UNKNOWN_LENGTH = 0xFFFFFFFF
"""What players of streams take for "until the end"."""


def wav_header(rate: int, channels: int = 1, data_bytes: int | None = None) -> bytes:
    """Return the head of a file; None for `data_bytes`: how long it will be is not known yet, as in a stream."""
    frame = 2 * channels
    size = UNKNOWN_LENGTH if data_bytes is None else HEADER_BYTES - 8 + data_bytes
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, frame * rate, frame, 16)
    data = struct.pack("<4sI", b"data", UNKNOWN_LENGTH if data_bytes is None else data_bytes)
    return struct.pack("<4sI4s", b"RIFF", size, b"WAVE") + form + data
