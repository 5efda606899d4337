"""Samples: the one form that audio has inside the process, and operations on it.

Everywhere in this process audio is a one-dimensional numpy array of float32 in [-1, 1], one channel, at a rate
that the caller knows. Audio that comes from elsewhere (bytes of a client, output of a model) is taken in by
`from_s16` or `checked`, which refuse what would poison the rest: NaN, infinities, odd bytes, a wrong shape.

Nothing here knows a file, a codec or a clock.
"""

from dataclasses import dataclass
from math import log10

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voiceagent.errors import VoiceAgentError

Pcm = NDArray[np.float32]

FADE_MS = 5.0
"""Short enough to be heard as immediate, long enough not to be heard as a click."""

SILENCE_DB = -100.0
"""What `level_db` calls digital silence, so that no caller meets minus infinity."""

_FULL_SCALE = 32768.0
_LOUDEST = 8.0
"""A model may overshoot full scale a little. Beyond 18 dB it is integer audio, not float."""


class AudioError(VoiceAgentError):
    """This audio cannot be used; the message says why, and what would work."""


def checked(samples: ArrayLike) -> Pcm:
    """Return `samples` as mono float32 in [-1, 1], clipping a small overshoot.

    Raises AudioError for NaN or infinite samples, more than one channel, or numbers that are not float audio.
    """
    try:
        pcm = np.asarray(samples, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise AudioError(f"This is not audio ({error}); give an array of float samples.") from error
    if pcm.ndim != 1:
        raise AudioError(f"Audio of shape {pcm.shape} is not mono; give one channel, as an array of shape (samples,).")
    if pcm.size == 0:
        return pcm
    peak = float(np.max(np.abs(pcm)))
    if not np.isfinite(peak):
        raise AudioError("The audio contains NaN or infinite samples; what produced it has failed, so drop it.")
    if peak > _LOUDEST:
        raise AudioError(f"Samples reach {peak:.0f}, but float audio lies in [-1, 1]; divide 16-bit samples by 32768.")
    return np.clip(pcm, -1.0, 1.0) if peak > 1.0 else pcm


def from_s16(data: bytes) -> Pcm:
    """Decode signed 16-bit little-endian mono. Raises AudioError for half a sample."""
    if len(data) % 2:
        raise AudioError(f"16-bit audio has an even number of bytes, but {len(data)} came; cut it between samples.")
    return np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(_FULL_SCALE)


def to_s16(pcm: ArrayLike) -> bytes:
    """Encode as signed 16-bit little-endian mono. Raises AudioError as `checked` does."""
    scaled = np.rint(checked(pcm) * np.float32(_FULL_SCALE))
    whole: NDArray[np.int16] = np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2")
    return whole.tobytes()


def level_db(pcm: Pcm) -> float:
    """Return the RMS level in dB relative to full scale (a full-scale sine is at -3), not below SILENCE_DB."""
    if pcm.size == 0:
        return SILENCE_DB
    power = float(np.dot(pcm, pcm)) / pcm.size  # asked of every packet: three times as fast as a mean of squares
    return max(SILENCE_DB, 10 * log10(power)) if power > 0 else SILENCE_DB


def ramp_up(samples: int) -> Pcm:
    """Return gains that rise linearly from just above 0 to just below 1."""
    return (np.arange(1, samples + 1, dtype=np.float32)) / np.float32(samples + 1)


def fade_in(pcm: Pcm, rate: int, ms: float = FADE_MS) -> Pcm:
    """Return a copy whose first `ms` (or all of it, if shorter) rise from silence."""
    faded = pcm.copy()
    length = min(len(pcm), round(rate * ms / 1000))
    faded[:length] *= ramp_up(length)
    return faded


def fade_out(pcm: Pcm, rate: int, ms: float = FADE_MS) -> Pcm:
    """Return a copy whose last `ms` (or all of it, if shorter) fall to silence."""
    return fade_in(pcm[::-1], rate, ms)[::-1].copy()


@dataclass(frozen=True, slots=True)
class Trimmed:
    """Speech without the silence around it."""

    pcm: Pcm
    cut_front: int
    """Samples cut before the first one kept: the offset of word times."""


def trim_silence(
    pcm: Pcm, rate: int, *, keep_before_s: float = 0.02, keep_after_s: float = 0.06, threshold_db: float = -45.0
) -> Trimmed:
    """Cut the silence before and after synthesised speech, fading the cut edges.

    Sound is what lies above `threshold_db` relative to the loudest 10 ms. The quiet beginnings of hibari's
    /f/, /h/ and /s/ measure -40 dB on that scale, what it puts around an utterance (0.2 to 0.3 s before it,
    0.3 s after it) less than -50. `keep_before_s` and `keep_after_s` stay, for the onset that hides below the
    threshold and for the room to die away. Audio with no sound at all comes back empty.
    """
    window = max(1, rate // 100)
    count = -(-len(pcm) // window)
    padded = np.zeros(count * window, np.float32)
    padded[: len(pcm)] = pcm
    power = np.mean(np.square(padded.reshape(count, window), dtype=np.float64), axis=1)
    loudest = float(power.max(initial=0.0))
    if loudest <= 10 ** (SILENCE_DB / 10):
        return Trimmed(pcm[:0], len(pcm))
    sounding = np.flatnonzero(power >= loudest * 10 ** (threshold_db / 10))
    start = max(0, int(sounding[0]) * window - round(keep_before_s * rate))
    end = min(len(pcm), (int(sounding[-1]) + 1) * window + round(keep_after_s * rate))
    kept = pcm[start:end]
    if start > 0:
        kept = fade_in(kept, rate)
    if end < len(pcm):
        kept = fade_out(kept, rate)
    return Trimmed(kept, start)
