"""Sound that passes for speech by its loudness and pitch: 16 kHz mono float32."""

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE

PITCH_HZ, HARMONICS, AMPLITUDE = 140.0, 11, 0.1


def voice(seconds: float) -> NDArray[np.float32]:
    """Return something voiced: a buzz with the pitch and loudness of speech."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * PITCH_HZ * harmonic * t) / harmonic for harmonic in range(1, HARMONICS + 1))
    return (AMPLITUDE * np.asarray(buzz)).astype(np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    """Return silence."""
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)
