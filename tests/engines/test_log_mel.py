import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from voiceagent.engines.turn.smart_turn.log_mel import FRAMES, HOP, MELS, SAMPLES, log_mel

RATE = 16_000


def slowly(pcm: NDArray[np.float32], count: int = FRAMES) -> NDArray[np.float64]:
    """The same features by their definition: every frame, every sum, in double precision."""
    samples = count * HOP
    audio = np.concatenate((np.zeros(samples), pcm))[-samples:]
    audio = (audio - audio.mean()) / np.sqrt(audio.var() + 1e-7)
    mirrored = np.concatenate((audio[200:0:-1], audio, audio[-2:-202:-1]))
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(201), np.arange(400)) / 400)
    frames = np.stack([mirrored[160 * n : 160 * n + 400] for n in range(count)])
    power = np.abs(waves @ (frames * hann).T) ** 2

    def hertz(mel: float) -> float:
        return float(mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27))

    highest = 15 + 27 * np.log(8) / np.log(6.4)
    edges = [hertz(highest * n / 81) for n in range(82)]
    bands = np.zeros((80, 201))
    for band in range(80):
        low, centre, high = edges[band : band + 3]
        for number in range(201):
            at = number * 40.0
            if low < at < high:
                bands[band, number] = min((at - low) / (centre - low), (high - at) / (high - centre)) * 2 / (high - low)
    logs = np.log10(np.maximum(bands @ power, 1e-10))
    return (np.maximum(logs, logs.max() - 8) + 4) / 4


def buzz(samples: int, seed: int = 0) -> NDArray[np.float32]:
    """Something with the spectrum of speech: it falls towards high frequencies, and comes and goes."""
    rng = np.random.default_rng(seed)
    t = np.arange(samples) / RATE
    voiced = sum(np.sin(2 * np.pi * 130 * n * t) / n for n in range(1, 30)) * (1 + np.sin(2 * np.pi * 3 * t))
    return np.asarray(0.05 * voiced + rng.normal(0, 0.002, samples), np.float32)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 3.0, 7.9875, 8.0, 9.5])
def test_features_are_those_of_the_definition(seconds: float) -> None:
    pcm = buzz(int(seconds * RATE))
    assert log_mel(pcm).dtype == np.float32
    assert np.abs(log_mel(pcm) - slowly(pcm)).max() < 1e-3


@pytest.mark.parametrize("seconds", [0.5, 2.9875, 3.0, 9.5])
def test_features_of_less_than_8_s_are_those_of_the_definition(seconds: float) -> None:
    pcm = buzz(int(seconds * RATE))
    assert np.abs(log_mel(pcm, 300) - slowly(pcm, 300)).max() < 1e-3


@given(st.integers(SAMPLES - 5 * HOP, SAMPLES + HOP), st.integers(0, 9))
@settings(max_examples=10)
def test_no_length_near_the_full_window_is_special(samples: int, seed: int) -> None:
    pcm = buzz(samples, seed)
    assert np.abs(log_mel(pcm) - slowly(pcm)).max() < 1e-3


@pytest.mark.parametrize("pcm", [np.zeros(0), np.zeros(1), np.zeros(RATE), np.full(RATE, 0.3), np.full(RATE, np.nan)])
def test_audio_without_sound_has_features_too(pcm: NDArray[np.float64]) -> None:
    features = log_mel(pcm.astype(np.float32))
    assert features.shape == (MELS, FRAMES)
    assert np.isfinite(features).all()
