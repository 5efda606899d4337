"""Audio chunks of any rate, width and number of channels, as the 16 kHz that a recogniser takes."""

import numpy as np
from numpy.typing import NDArray
from wyoming.audio import AudioChunk
from wyoming.event import Event

from voiceagent.audio.files import Resampler
from voiceagent.audio.pcm import Pcm
from voiceagent.doors.errors import BadRequestError
from voiceagent.engines.asr.contract import SAMPLE_RATE

RATES, WIDTHS, CHANNELS = range(4_000, 192_001), range(1, 5), range(1, 9)


class Ears:
    """The conversion of one stream."""

    def __init__(self) -> None:
        self._resampler: tuple[int, Resampler] | None = None

    def hear(self, event: Event) -> Pcm:
        """Return the audio of an audio-chunk at 16 kHz. Raises BadRequestError for a format that there is not."""
        rate, width, channels = (_number(event, name, among) for name, among in _FORMAT.items())
        data = AudioChunk.from_event(event).audio
        if len(data) % (width * channels):
            words = f"{len(data)} bytes are no whole number of samples of {width} bytes in {channels} channels."
            raise BadRequestError("bad-audio", words)
        mono: Pcm = _samples(data, width).reshape(-1, channels).mean(axis=1, dtype=np.float32)
        if rate == SAMPLE_RATE:
            return mono
        if self._resampler is None or self._resampler[0] != rate:
            self._resampler = rate, Resampler(rate, SAMPLE_RATE)
        return self._resampler[1].push(mono)

    def end(self) -> Pcm:
        """Return what the conversion has held back."""
        return self._resampler[1].flush() if self._resampler is not None else np.zeros(0, np.float32)


_FORMAT = {"rate": RATES, "width": WIDTHS, "channels": CHANNELS}


def require_format(event: Event) -> None:
    """Raise BadRequestError if the audio that an event announces cannot be taken."""
    for name, among in _FORMAT.items():
        _number(event, name, among)


def _number(event: Event, name: str, among: range) -> int:
    value = event.data.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value not in among:
        words = f"The {name} of audio is a number from {among.start} to {among.stop - 1}, not {str(value)[:40]!r}."
        raise BadRequestError("bad-audio", words)
    return value


def _samples(data: bytes, width: int) -> NDArray[np.float32]:
    """Return signed little-endian samples of 1 to 4 bytes as floats."""
    padded = np.zeros((len(data) // width, 4), np.uint8)
    padded[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(-1, width)
    return padded.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
