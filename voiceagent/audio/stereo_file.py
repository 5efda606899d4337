"""A stereo WAV file that is written while its sides are heard: user left, agent right, on one clock.

What is older than `HOLD_S` is in the file, and the file is valid at every moment: a crash costs a second or two. It is
written on the event loop, half a second (48 kB) at a time, into the page cache of a local disk: not on a network disk.
"""

from pathlib import Path

import numpy as np

from voiceagent.audio.files import Resampler
from voiceagent.audio.pcm import AudioError, Pcm, checked
from voiceagent.audio.wav import HEADER_BYTES, wav_header

HOLD_S = 1.0
"""Audio is placed at most this late: a client that is ahead plays what it was sent before."""
BLOCK_S = 0.5
FRAME_BYTES = 4
NEAREST_S = 0.005
MOST_BYTES = 2**32 - HEADER_BYTES - 1
"""Sizes in a WAV file have 32 bits: 12 hours at 24 kHz."""


class StereoFile:
    """One call, from `begun` (seconds on the clock of the audio) on, at `rate` Hz, 16-bit; readable by its owner only.

    Raises OSError where it cannot be written.
    """

    def __init__(self, path: Path, rate: int, begun: float) -> None:
        self.path = path
        self._rate = rate
        self._sides = _Side(0, rate, begun), _Side(1, rate, begun)
        self._pending = np.zeros((0, 2), np.float32)
        """What is not in the file yet."""
        self._written = 0
        """Frames in the file."""
        path.touch(0o600, exist_ok=False)
        self._file = path.open("r+b", buffering=0)
        self._write_header()

    def left(self, pcm: Pcm, rate: int, at: float) -> None:
        """Place what was heard on the left from `at` on. Raises OSError and AudioError."""
        self._place(self._sides[0], pcm, rate, at)

    def right(self, pcm: Pcm, rate: int, at: float) -> None:
        """Place what was heard on the right."""
        self._place(self._sides[1], pcm, rate, at)

    def close(self) -> None:
        """Write the rest."""
        try:
            self._write(len(self._pending))
        finally:
            self._file.close()

    def _place(self, side: "_Side", pcm: Pcm, rate: int, at: float) -> None:
        samples, begin = side.take(checked(pcm), rate, at)
        end = begin + len(samples)
        if begin - self._written > len(self._pending) + HOLD_S * self._rate:
            self._write(len(self._pending))
            self._written = begin - round(HOLD_S * self._rate)  # silence: a hole in the file, which reads as zeros
        late = max(0, self._written - begin)
        if (surplus := end - self._written - len(self._pending)) > 0:
            self._pending = np.concatenate((self._pending, np.zeros((surplus, 2), np.float32)))
        self._pending[begin + late - self._written : max(0, end - self._written), side.channel] = samples[late:]
        settled = len(self._pending) - round(HOLD_S * self._rate)
        if settled >= BLOCK_S * self._rate:
            self._write(settled)

    def _write(self, frames: int) -> None:
        if HEADER_BYTES + (self._written + frames) * FRAME_BYTES > MOST_BYTES:
            raise AudioError(f"{self.path} is as long as a WAV file can be.")
        data = np.clip(np.rint(self._pending[:frames] * 32768), -32768, 32767).astype("<i2").tobytes()
        self._file.seek(HEADER_BYTES + self._written * FRAME_BYTES)
        self._file.write(data)
        self._pending = self._pending[frames:].copy()
        self._written += frames
        self._write_header()

    def _write_header(self) -> None:
        self._file.seek(0)
        self._file.write(wav_header(self._rate, 2, self._written * FRAME_BYTES))


class _Side:
    """Brings one side to the file's rate, and says at which frame each piece begins."""

    def __init__(self, channel: int, rate: int, begun: float) -> None:
        self.channel = channel
        self._rate = rate
        self._begun = begun
        self._next_at = 0.0
        """When the piece would begin that follows the last one at once."""
        self._next = 0
        self._resampler: Resampler | None = None

    def take(self, pcm: Pcm, rate: int, at: float) -> tuple[Pcm, int]:
        if self._resampler is None or abs(at - self._next_at) > NEAREST_S:
            self._resampler = Resampler(rate, self._rate)
            self._next = max(0, round((at - self._begun) * self._rate))
        self._next_at = at + len(pcm) / rate
        samples = self._resampler.push(pcm) if rate != self._rate else pcm
        begin, self._next = self._next, self._next + len(samples)
        return samples, begin
