"""A simulated room: what a microphone hears of a loudspeaker. Mono float32."""

from dataclasses import dataclass

import numpy as np

from voiceagent.audio.files import resample
from voiceagent.audio.pcm import Pcm

TAIL_DB = -60.0
"""RT60: how far the tail has fallen at its end."""
OVERSAMPLED = 4


@dataclass(frozen=True, slots=True)
class Path:
    """The way from the loudspeaker's samples to the microphone's."""

    delay_ms: float = 80.0
    level_db: float = -26.0
    """RMS of the echo while it sounds."""
    drift_ppm: float = 0.0
    """By how much the loudspeaker's clock is faster than the microphone's."""
    jump_at_s: float | None = None
    jump_ms: float = 0.0
    """The delay changes by so much there."""
    drive: float = 0.0
    """A loudspeaker that bends: tanh of this many times full scale."""


def impulse_response(rate: int, rt60_s: float = 0.3, direct_to_reverb_db: float = 6.0, seed: int = 1) -> Pcm:
    """Return a direct sound and an exponentially decaying tail of noise, of unit energy."""
    samples = int(rate * rt60_s)
    tail = np.random.default_rng(seed).standard_normal(samples)
    tail *= 10 ** (TAIL_DB / 20 * np.arange(samples) / samples)
    tail[: int(rate * 0.002)] = 0.0
    tail *= 10 ** (-direct_to_reverb_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    response: Pcm = (tail / np.sqrt(np.sum(tail**2))).astype(np.float32)
    return response


def echo_of(far: Pcm, rate: int, path: Path) -> Pcm:
    """Return what of `far` reaches the microphone."""
    played = _drifted(far, rate, path.drift_ppm)
    if path.drive:
        played = np.tanh(played * path.drive) / path.drive
    moved = _late(played, rate, path.delay_ms)
    if path.jump_at_s is not None:
        cut = int(path.jump_at_s * rate)
        moved = np.concatenate((moved[:cut], _late(played, rate, path.delay_ms + path.jump_ms)[cut:]))
    heard = _convolved(moved, impulse_response(rate))
    heard = np.pad(heard, (0, max(0, len(far) - len(heard))))[: len(far)]
    return at_level(heard, path.level_db)


def at_level(pcm: Pcm, level_db: float) -> Pcm:
    """Return it at an RMS level, measured where it sounds."""
    sounding = np.abs(pcm) > 1e-3 * np.abs(pcm).max()
    scaled: Pcm = (pcm * 10 ** (level_db / 20) / np.sqrt(np.mean(pcm[sounding] ** 2))).astype(np.float32)
    return scaled


def _late(pcm: Pcm, rate: int, ms: float) -> Pcm:
    return np.concatenate((np.zeros(round(rate * ms / 1000), np.float32), pcm))


def _convolved(pcm: Pcm, response: Pcm) -> Pcm:
    size = 1 << (len(pcm) + len(response)).bit_length()
    whole = np.fft.irfft(np.fft.rfft(pcm, size) * np.fft.rfft(response, size), size)
    cut: Pcm = whole[: len(pcm)].astype(np.float32)
    return cut


def _drifted(pcm: Pcm, rate: int, ppm: float) -> Pcm:
    """Return what a converter whose clock is `ppm` faster makes of it."""
    if not ppm:
        return pcm
    fine = resample(pcm, rate, rate * OVERSAMPLED)
    at = np.arange(int(len(pcm) / (1 + ppm * 1e-6)) - 2) * (1 + ppm * 1e-6) * OVERSAMPLED
    drifted: Pcm = np.interp(at, np.arange(len(fine)), fine).astype(np.float32)
    return drifted
