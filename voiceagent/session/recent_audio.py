"""The last seconds of what the user's microphone heard, for the turn detector."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.turn.contract import WINDOW_S

WINDOW_SAMPLES = int(WINDOW_S * SAMPLE_RATE)


class RecentAudio:
    """Keeps as much as a turn detector listens to: 16 kHz mono float32."""

    def __init__(self) -> None:
        self._pieces: deque[NDArray[np.float32]] = deque()
        self._samples = 0

    def push(self, pcm: NDArray[np.float32]) -> None:
        """Take more."""
        self._pieces.append(pcm)
        self._samples += len(pcm)
        while self._samples - len(self._pieces[0]) >= WINDOW_SAMPLES:
            self._samples -= len(self._pieces.popleft())

    def latest(self) -> NDArray[np.float32]:
        """Return the last of it, at most `WINDOW_SAMPLES`."""
        return np.concatenate(self._pieces)[-WINDOW_SAMPLES:]
