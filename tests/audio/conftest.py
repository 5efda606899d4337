from collections.abc import Callable

import numpy as np
import pytest

from voiceagent.audio import Pcm

Voice = Callable[..., Pcm]


@pytest.fixture
def voice() -> Voice:
    """Something a speech codec takes for a voice: a gliding pulse-like tone that swells four times a second."""

    def make(seconds: float, rate: int = 16_000) -> Pcm:
        t = np.arange(round(seconds * rate)) / rate
        phase = 2 * np.pi * (230 * t + 15 * np.sin(2 * np.pi * 0.7 * t))
        tone = sum(np.sin(k * phase) / k for k in range(1, 12))
        return np.asarray(0.15 * tone * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * t)), np.float32)

    return make
