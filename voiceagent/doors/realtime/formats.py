"""The audio of the protocol: base64 text in one of three formats, against the process's own samples."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from voiceagent.audio.files import Resampler
from voiceagent.audio.g711 import A_LAW, MU_LAW, RATE
from voiceagent.audio.pcm import AudioError, Pcm, from_s16, to_s16
from voiceagent.doors.realtime.errors import EventError
from voiceagent.engines.asr.contract import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its name, its rate in Hz, and both directions."""

    name: str
    rate: int
    decode: Callable[[bytes], Pcm]
    encode: Callable[[Pcm], bytes]


FORMATS = {
    form.name: form
    for form in (
        Format("audio/pcm", 24_000, from_s16, to_s16),
        Format("audio/pcmu", RATE, MU_LAW.decode, MU_LAW.encode),
        Format("audio/pcma", RATE, A_LAW.decode, A_LAW.encode),
    )
}


class Decoder:
    """What a client sends, as a session hears it: 16 kHz."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._format = FORMATS[name]
        self._resampler = Resampler(self._format.rate, SAMPLE_RATE)

    def push(self, audio: str) -> Pcm:
        """Return the next piece. Raises EventError for what is not base64, or ends within a sample."""
        try:
            pcm = self._format.decode(base64.b64decode(audio, validate=True))
        except (binascii.Error, ValueError, AudioError) as error:
            raise EventError("invalid_audio", f"audio is not base64 of {self.name}: {error}", "audio") from error
        return self._resampler.push(pcm)


class Encoder:
    """What a session says, as the client gets it; `rate` is the playout's."""

    def __init__(self, name: str, rate: int) -> None:
        self.name = name
        self._format = FORMATS[name]
        self._resampler = None if self._format.rate == rate else Resampler(rate, self._format.rate)

    def push(self, pcm: Pcm) -> tuple[str, float]:
        """Return the next piece and how many ms of audio it has; it may be empty."""
        samples = pcm if self._resampler is None else np.clip(self._resampler.push(pcm), -1.0, 1.0)
        return base64.b64encode(self._format.encode(samples)).decode(), len(samples) * 1000 / self._format.rate
