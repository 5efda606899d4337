"""A linear echo filter: it subtracts what it predicts of the echo, and takes nothing of the person away.

A frequency-domain Kalman filter in partitioned blocks (Kuech, Mabande and Enzner, "State-space architecture of the
partitioned-block-based acoustic echo controller", 2014). It needs loudspeaker and microphone on one clock, and seconds
to learn a room; what it leaves is for a canceller behind it.
"""

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.pcm import Pcm

BLOCK = 160
"""10 ms at 16 kHz."""
TAIL_BLOCKS = 32
"""320 ms: the delay of the devices and the room together. An echo that comes later is not predicted."""
FORGET = np.float32(0.9992)
"""How much of what it knows of the room is still true 10 ms later."""
SMOOTH = np.float32(0.85)
"""Of the power of what is left, over time."""
UNCERTAIN = np.float32(0.1)
"""The variance of a tap before anything is known."""
AT_ONCE = 4
"""Partitions of which the part that wraps around is cut, each time: all of them would take half of the time."""
FLOOR = np.float32(1e-6)

_BINS = BLOCK + 1


class LinearFilter:
    """Blocks of 10 ms at 16 kHz, one after the other."""

    def __init__(self) -> None:
        self._last = np.zeros(BLOCK, np.float32)
        self._far: NDArray[np.complex64] = np.zeros((TAIL_BLOCKS, _BINS), np.complex64)
        self._room: NDArray[np.complex64] = np.zeros((TAIL_BLOCKS, _BINS), np.complex64)
        self._doubt: NDArray[np.float32] = np.full((TAIL_BLOCKS, _BINS), UNCERTAIN, np.float32)
        self._noise: NDArray[np.float32] = np.full(_BINS, 1e-4, np.float32)
        self._cut_next = 0

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        """Return `near` without the echo of `far` that it predicts."""
        self._far[1:] = self._far[:-1].copy()
        self._far[0] = np.fft.rfft(np.concatenate((self._last, far)))
        self._last = far
        echo = np.fft.irfft(np.einsum("pb,pb->b", self._room, self._far))[BLOCK:]
        left: Pcm = near - echo.astype(np.float32)
        self._learn(left)
        return left

    def doubt(self) -> None:
        """The room may be another: learn it quickly."""
        self._doubt[:] = np.maximum(self._doubt, UNCERTAIN)

    def _learn(self, left: Pcm) -> None:
        error = np.fft.rfft(np.concatenate((np.zeros(BLOCK, np.float32), left))).astype(np.complex64)
        power = _square(self._far)
        self._noise = SMOOTH * self._noise + (1 - SMOOTH) * _square(error)
        gain = self._doubt / (np.einsum("pb,pb->b", power, self._doubt) + 2 * self._noise + FLOOR)
        self._room += gain * self._far.conj() * error
        kept = FORGET * FORGET
        self._doubt *= kept * (1 - np.float32(0.5) * gain * power)
        self._doubt += (1 - kept) * _square(self._room) + np.float32(1e-10)
        self._cut()

    def _cut(self) -> None:
        """Keep the taps of some partitions within their block."""
        some = slice(self._cut_next, self._cut_next + AT_ONCE)
        taps = np.fft.irfft(self._room[some])
        taps[:, BLOCK:] = 0
        self._room[some] = np.fft.rfft(taps)
        self._cut_next = (self._cut_next + AT_ONCE) % TAIL_BLOCKS


def _square(spectrum: NDArray[np.complex64]) -> NDArray[np.float32]:
    return np.square(spectrum.real) + np.square(spectrum.imag)
