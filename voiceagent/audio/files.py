"""Audio files, and changing the rate of audio: the parts that need FFmpeg (through PyAV).

`read_audio` takes anything FFmpeg can decode; what comes out is mono float32 at the rate asked for.
"""

import io
import wave
from pathlib import Path

import av
import numpy as np

from voiceagent.audio.pcm import AudioError, Pcm, to_s16


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


def read_audio(path: str | Path, rate: int = 16_000) -> Pcm:
    """Read an audio file of any kind as mono float32 at `rate` Hz.

    Raises AudioError when the file is missing, is not audio, is damaged, or is empty.
    """
    path = Path(path)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    pieces: list[Pcm] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioError(f"{path} has no audio in it; give a recording (wav, flac, mp3, ogg, g722, ...).")
            pieces.extend(_joined(resampler.resample(frame)) for frame in container.decode(audio=0))
            if pieces:
                pieces.append(_joined(resampler.resample(None)))
    except FileNotFoundError as error:
        raise AudioError(f"{path} does not exist; check the path.") from error
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        raise AudioError(
            f"{path} cannot be read as audio ({reason}); check that it plays elsewhere, or convert it to wav."
        ) from error
    pcm = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if len(pcm) == 0:
        raise AudioError(f"{path} is an audio file with nothing in it; record it again.")
    return pcm


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
