"""Audio of any length at one rate, cut into frames of one length at another."""

import math

import numpy as np

from voiceagent.audio.files import Resampler
from voiceagent.audio.pcm import Pcm

RESAMPLER_LAG_S = 64 / 48_000
"""What its filter holds back, rounded up: as much silence comes first, so that a frame in gives a frame out."""


class Reframer:
    """A live stream of mono audio; `frame_samples` are samples at `to_rate`."""

    def __init__(self, from_rate: int, to_rate: int, frame_samples: int) -> None:
        self._resampler = None if from_rate == to_rate else Resampler(from_rate, to_rate)
        self._frame_samples = frame_samples
        self._rest = np.zeros(math.ceil(to_rate * RESAMPLER_LAG_S) if self._resampler else 0, np.float32)

    @property
    def held(self) -> int:
        """Samples at `to_rate` that wait for the rest of their frame."""
        return len(self._rest)

    def push(self, pcm: Pcm) -> list[Pcm]:
        """Take the next samples at `from_rate`; return the frames that are ready."""
        more = pcm if self._resampler is None else self._resampler.push(pcm)
        joined = np.concatenate((self._rest, more))
        whole = len(joined) // self._frame_samples * self._frame_samples
        self._rest = joined[whole:]
        return list(joined[:whole].reshape(-1, self._frame_samples))
