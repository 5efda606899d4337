"""Audio files, and changing the rate of audio: the parts that need FFmpeg (through PyAV).

`read_audio` takes anything FFmpeg can decode; what comes out is mono float32 at the rate asked for.
"""

import io
import logging
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from voiceagent.audio.decode import Decoded, decode
from voiceagent.audio.mix import CANCELLED
from voiceagent.audio.pcm import AudioError, Pcm, to_s16

log = logging.getLogger(__name__)

MISSING_END_S = 0.2
LONGEST_S = 86_400.0
"""A file that is said to miss more than a day is damaged where it says so."""
GAPS_NAMED = 5


class Resampler:
    """Changes the rate of a live stream of mono audio, holding back about 1 ms of it."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._from_rate = from_rate
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=to_rate)

    def push(self, pcm: Pcm) -> Pcm:
        """Take the next samples at `from_rate`; return what is ready at `to_rate` (perhaps nothing)."""
        if len(pcm) == 0:
            return np.zeros(0, np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm).reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = self._from_rate
        return _joined(self._resampler.resample(frame))

    def flush(self) -> Pcm:
        """Return the last samples; the stream is over."""
        return _joined(self._resampler.resample(None))


def resample(pcm: Pcm, from_rate: int, to_rate: int) -> Pcm:
    """Return the whole of `pcm` at another rate."""
    if from_rate == to_rate:
        return pcm
    resampler = Resampler(from_rate, to_rate)
    return np.concatenate([resampler.push(pcm), resampler.flush()])


def read_audio(path: str | Path, rate: int = 16_000, warn: Callable[[str], object] = log.warning) -> Pcm:
    """Read an audio file of any kind as mono float32 at `rate` Hz, as loud as its loudest channel.

    Where it is damaged there is silence, and `warn` is told; so it is of channels that cancel each other, of which the
    louder one alone is taken. Raises AudioError when the file is missing, empty, no audio, or damaged all over.
    """
    path = Path(path)
    try:
        decoded = decode(path, rate)
        pcm = _balanced(decoded)
        if pcm is None:
            loudest = int(np.argmax(decoded.powers))
            pcm = decode(path, rate, loudest).pcm
            warn(f"{path}: its channels cancel each other; channel {loudest + 1} alone is used.")
    except FileNotFoundError as error:
        raise AudioError(f"{path} does not exist; check the path.") from error
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        raise AudioError(
            f"{path} cannot be read as audio ({reason}); check that it plays elsewhere, or convert it to wav."
        ) from error
    if len(pcm) == 0:
        raise AudioError(f"{path} is an audio file with nothing in it; record it again.")
    for complaint in _complaints(decoded, len(pcm) / rate):
        warn(f"{path} {complaint}")
    return np.clip(pcm, -1.0, 1.0, out=pcm)


def _balanced(decoded: Decoded) -> Pcm | None:
    """Return the sum of the channels, as loud as the loudest of them; None where most of it is cancelled."""
    powers, pcm = decoded.powers, decoded.pcm
    if len(powers) < 2 or not powers.any():
        return pcm
    mixed = float(np.einsum("i,i->", pcm, pcm, dtype=np.float64))
    if mixed < CANCELLED * powers.sum():
        return None
    return pcm * np.float32(np.sqrt(powers.max() / mixed))


def _complaints(decoded: Decoded, length_s: float) -> Iterator[str]:
    """Yield what is wrong with a file that was read."""
    if gaps := decoded.gaps:
        places = ", ".join(f"{start:.2f}-{end:.2f} s" for start, end in gaps[:GAPS_NAMED])
        more = f" and {len(gaps) - GAPS_NAMED} more" if len(gaps) > GAPS_NAMED else ""
        yield f"is damaged: nothing could be read at {places}{more}; silence stands there."
    if decoded.length_is_wrong:
        yield "has a wrong length in its header; it was read to its end."
    elif decoded.declared_s and MISSING_END_S < decoded.declared_s - length_s < LONGEST_S:
        yield f"is damaged or cut off: it can be read for {length_s:.1f} s, and should have {decoded.declared_s:.1f} s."


def write_wav(path: str | Path, pcm: Pcm, rate: int) -> None:
    """Write mono 16-bit WAV. Raises AudioError for audio that `to_s16` refuses, and for a bad place."""
    data = to_s16(pcm)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(data)
    try:
        Path(path).write_bytes(buffer.getvalue())
    except OSError as error:
        raise AudioError(f"Cannot write {path} ({error.strerror}); give a file in an existing folder.") from error


def _joined(frames: list[av.AudioFrame]) -> Pcm:
    arrays = [frame.to_ndarray().reshape(-1).astype(np.float32, copy=False) for frame in frames]
    return np.concatenate(arrays) if arrays else np.zeros(0, np.float32)
