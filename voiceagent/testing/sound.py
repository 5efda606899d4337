"""Sound that passes for speech by its loudness and pitch: 16 kHz mono float32."""

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.pcm import Pcm
from voiceagent.engines.asr.contract import SAMPLE_RATE

PITCH_HZ, HARMONICS, AMPLITUDE = 140.0, 11, 0.1
COUGH_S = 0.15


def voice(seconds: float) -> NDArray[np.float32]:
    """Return something voiced: a buzz with the pitch and loudness of speech."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * PITCH_HZ * harmonic * t) / harmonic for harmonic in range(1, HARMONICS + 1))
    return (AMPLITUDE * np.asarray(buzz)).astype(np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    """Return silence."""
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def make_cough(seed: int, speech: Pcm | None = None) -> Pcm:
    """Return 150 ms of a cough: a burst in 2 ms, 40 ms at full force, then dying away.

    Without `speech` it is air alone, coloured by a throat. With it, it is the loudest part of a person's speech: a
    cough with voice, which a detector of speech does notice.
    """
    count = round(COUGH_S * SAMPLE_RATE)
    time_s = np.arange(count) / SAMPLE_RATE
    force = np.minimum(time_s / 0.002, 1) * np.where(time_s < 0.04, 1, np.exp(-(time_s - 0.04) / 0.03))
    if speech is None:
        hertz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
        throat = np.sum([1 / (1 + ((hertz - peak) / 250) ** 2) for peak in (600 + 40 * seed, 1500, 2600)], axis=0)
        air = np.fft.rfft(np.random.default_rng(seed).standard_normal(count)) * throat * (hertz > 80)
        sound = np.fft.irfft(air, count)
    else:
        power = np.convolve(np.square(speech, dtype=np.float64), np.ones(count), "valid")
        sound = speech[int(np.argmax(power)) :][:count].astype(np.float64)
        force = np.maximum(force, 0.5 * (time_s < COUGH_S - 0.02))
    forced = sound * force
    levelled: Pcm = (0.5 * forced / np.abs(forced).max()).astype(np.float32)
    return levelled
