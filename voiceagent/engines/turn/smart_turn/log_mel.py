"""Whisper's log-mel features, as Smart Turn was trained on them: 8 s of audio, shape (80, 800), float32; or less of it.

The audio is padded with zeros on the left, then normalised to zero mean and unit variance, padding included. All frames
within the padding are equal, so one of them is computed for all. Formulas: Radford et al. 2022 (arXiv:2212.04356) and
the mel scale of Slaney's Auditory Toolbox (1998).
"""

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.turn.contract import WINDOW_S

FFT, HOP, MELS, FRAMES = 400, 160, 80, 800
SAMPLES = int(WINDOW_S * SAMPLE_RATE)
VARIANCE_FLOOR = 1e-7
POWER_FLOOR = 1e-10
DYNAMIC_RANGE = 8.0
"""Powers of ten below the loudest value that are kept; the rest is clipped."""

Array = NDArray[np.float32]


def log_mel(pcm: Array, frames_wanted: int = FRAMES) -> Array:
    """Return the features of the last 8 s of 16 kHz mono audio, or of fewer frames of 10 ms: (80, frames).

    NaN samples count as silence.
    """
    samples = frames_wanted * HOP
    audio = np.nan_to_num(pcm[-samples:])
    silent = samples - len(audio)
    mean = audio.sum(dtype=np.float64) / samples
    variance = max(0.0, np.square(audio, dtype=np.float64).sum() / samples - mean * mean)
    scale = 1 / np.sqrt(variance + VARIANCE_FLOOR)
    # A frame reaches half its length to both sides; at the ends the audio is mirrored.
    alike = max(0, (silent - FFT // 2) // HOP)
    padded = np.zeros(samples - alike * HOP, np.float32)
    padded[len(padded) - len(audio) :] = audio
    normal = np.pad((padded - np.float32(mean)) * np.float32(scale), FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(normal, FFT)[: len(padded) : HOP]
    spectrum = np.fft.rfft(frames * WINDOW)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    mel = np.log10(np.maximum(power @ FILTERS, np.float32(POWER_FLOOR))).T
    features = np.hstack((np.repeat(mel[:, :1], frames_wanted - mel.shape[1], axis=1), mel))
    features = np.maximum(features, features.max() - np.float32(DYNAMIC_RANGE))
    scaled: Array = (features + np.float32(4)) / np.float32(4)
    return scaled


def mel_filters() -> Array:
    """Return the triangular filters, (FFT // 2 + 1, MELS), each of the same area."""
    edges = _hertz(np.linspace(_mel(0.0), _mel(SAMPLE_RATE / 2), MELS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)[:, np.newaxis]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return (np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)).astype(np.float32)


# The mel scale is linear up to 1 kHz (15 mel), logarithmic above.
_LINEAR_HZ, _LINEAR_MEL = 1000.0, 15.0
_STEP = np.log(6.4) / 27


def _mel(hertz: float) -> float:
    if hertz < _LINEAR_HZ:
        return hertz * _LINEAR_MEL / _LINEAR_HZ
    return float(_LINEAR_MEL + np.log(hertz / _LINEAR_HZ) / _STEP)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above: NDArray[np.float64] = _LINEAR_HZ * np.exp(_STEP * (mel - _LINEAR_MEL))
    return np.where(mel < _LINEAR_MEL, mel * _LINEAR_HZ / _LINEAR_MEL, above)


FILTERS = mel_filters()
WINDOW = np.hanning(FFT + 1)[:-1].astype(np.float32)
