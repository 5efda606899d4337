"""Several channels become one, as loud as the loudest of them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.pcm import Pcm

CANCELLED = 10**-1.2
"""The share of the channels' energies that their sum has at least (-12 dB); 1 where they have nothing in common."""

Mix = Callable[[NDArray[np.float32], NDArray[np.float64]], Pcm]
"""Makes one channel of (samples, channels), given the energy of each channel up to here."""


class LiveMix:
    """Adds up channels as loud as the loudest; takes that one alone while most of the sum is cancelled."""

    def __init__(self) -> None:
        self._mixed = 0.0

    def __call__(self, channels: NDArray[np.float32], powers: NDArray[np.float64]) -> Pcm:
        """Return one channel."""
        mono: Pcm = channels.sum(axis=1)
        self._mixed += float(np.einsum("i,i->", mono, mono, dtype=np.float64))
        if len(powers) < 2 or not powers.any():
            return mono
        loudest = int(np.argmax(powers))
        if self._mixed < CANCELLED * powers.sum():
            return channels[:, min(loudest, channels.shape[1] - 1)].copy()
        return mono * np.float32(np.sqrt(powers[loudest] / self._mixed))
