"""G.711, the telephone's 8-bit samples: mu-law (pcmu) and A-law (pcma), as ITU-T G.711 has them.

One byte is one sample, usually at 8 kHz. Decoding looks up a table; encoding takes the nearest of the law's 256 values.
"""

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voiceagent.audio.pcm import Pcm, checked

Law = Literal["pcmu", "pcma"]
"""As RTP names them (RFC 3551)."""

_BIAS = 0x84  # of mu-law, on 16 bits
_A_LAW_MASK = 0x55
_FULL_SCALE = 32768.0


def from_g711(data: bytes, law: Law) -> Pcm:
    """Decode samples of one byte each."""
    return _values(law)[np.frombuffer(data, np.uint8)].astype(np.float32) / np.float32(_FULL_SCALE)


def to_g711(pcm: ArrayLike, law: Law) -> bytes:
    """Encode mono audio, one byte a sample. Raises AudioError as `checked` does."""
    samples = checked(pcm) * np.float32(_FULL_SCALE)
    codes, borders = _nearest(law)
    return codes[np.searchsorted(borders, samples)].tobytes()


@cache
def _values(law: Law) -> NDArray[np.int32]:
    """Return the 16-bit value of every code."""
    codes = np.arange(256)
    if law == "pcmu":
        inverted = ~codes & 0xFF
        exponent, mantissa = (inverted >> 4) & 7, inverted & 0xF
        magnitude = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
        return np.where(inverted & 0x80, -magnitude, magnitude).astype(np.int32)
    inverted = codes ^ _A_LAW_MASK
    exponent, mantissa = (inverted >> 4) & 7, inverted & 0xF
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(inverted & 0x80, magnitude, -magnitude).astype(np.int32)


@cache
def _nearest(law: Law) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the codes by rising value, and the borders between neighbours."""
    values = _values(law)
    codes = np.argsort(values, kind="stable").astype(np.uint8)
    rising: NDArray[np.float32] = values[codes].astype(np.float32)
    return codes, ((rising[1:] + rising[:-1]) / 2).astype(np.float32)
