"""G.711, the telephone's 8 bits per sample: mu-law (PCMU) and A-law (PCMA), by ITU-T's tables."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.pcm import Pcm, from_s16, to_s16

RATE = 8_000
"""Hz of a telephone line."""
_CODES = np.arange(256)


@dataclass(frozen=True, slots=True)
class Law:
    """One of the two laws, as tables."""

    levels: Pcm
    """The sample of each code, shape (256,)."""
    codes: NDArray[np.uint8]
    """The code of each 16-bit sample, shape (65536,), by the sample plus 32768."""

    def decode(self, data: bytes) -> Pcm:
        """Return the samples of codes."""
        return self.levels[np.frombuffer(data, np.uint8)]

    def encode(self, pcm: Pcm) -> bytes:
        """Return the codes of samples. Raises AudioError for what is no audio (`to_s16`)."""
        samples = np.frombuffer(to_s16(pcm), "<i2").astype(np.int32)
        return self.codes[samples + 32_768].tobytes()


def _law(levels: NDArray[np.int64]) -> Law:
    """Return the law of 256 levels: a sample gets the nearest one of its sign, the louder of two that are as near."""
    codes = np.zeros(65_536, np.uint8)
    for sign, samples in ((1, np.arange(32_768)), (-1, np.arange(-32_768, 0))):
        of_sign = np.flatnonzero(levels * sign >= 0)
        order = of_sign[np.argsort(np.abs(levels[of_sign]), kind="stable")]
        sizes = np.abs(levels[order])
        nearest = np.searchsorted((sizes[1:] + sizes[:-1]) / 2, np.abs(samples), side="right")
        codes[samples + 32_768] = order[nearest]
    return Law(from_s16(levels.astype("<i2").tobytes()), codes)


def _mu_levels() -> NDArray[np.int64]:
    bits = ~_CODES & 0xFF
    size = (((bits & 0x0F) << 3) + 132 << (bits >> 4 & 7)) - 132
    return np.where(bits & 0x80, -size, size)


def _a_levels() -> NDArray[np.int64]:
    bits = _CODES ^ 0x55
    step, chord = bits & 0x0F, bits >> 4 & 7
    size = np.where(chord == 0, (step << 4) + 8, (step << 4) + 264 << np.maximum(chord - 1, 0))
    return np.where(bits & 0x80, size, -size)


MU_LAW = _law(_mu_levels())
A_LAW = _law(_a_levels())
