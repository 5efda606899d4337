"""The codecs of telephones, for callers that speak no Opus: G.711 (PCMU, PCMA), and G.722 by FFmpeg.

One decoder or encoder belongs to one stream and one thread at a time.
"""

from typing import Any, Literal

import av
import numpy as np

from voiceagent.audio.g711 import A_LAW, MU_LAW, Law
from voiceagent.audio.pcm import AudioError, Pcm, from_s16, to_s16

TelephoneCodec = Literal["PCMU", "PCMA", "G722"]

TELEPHONE_CLOCK = 8_000
"""RTP timestamps count at this rate for all of them, also for G.722, which has 16,000 samples (RFC 3551, 4.5.2)."""
TELEPHONE_RATES: dict[TelephoneCodec, int] = {"PCMU": 8_000, "PCMA": 8_000, "G722": 16_000}
"""The sample rates, in Hz."""

_LAWS: dict[TelephoneCodec, Law] = {"PCMU": MU_LAW, "PCMA": A_LAW}
_RATE = 16_000
_NEIGHBOURS = 12
"""Samples on each side from which one between them is made: 1.5 ms of delay."""
_SHORTEST_PERIOD, _LONGEST_PERIOD = _RATE // 400, _RATE // 66
"""Samples between two pulses of a voice (ITU-T G.711, appendix I)."""
_MATCHED = 320
_FADED = round(0.06 * _RATE)
"""Made-up sound dies away over this many samples (as there)."""


class TelephoneDecoder:
    """Decodes one stream of packets to 16 kHz mono, and makes up lost ones from the pitch of the sound before them."""

    clock = TELEPHONE_CLOCK

    def __init__(self, codec: TelephoneCodec) -> None:
        self._decode = law.decode if (law := _LAWS.get(codec)) else _G722("r").decode
        self._doubler = _Doubler() if TELEPHONE_RATES[codec] != _RATE else None
        self._past = np.zeros(_MATCHED + _LONGEST_PERIOD, np.float32)
        self._made_up = 0

    def decode(self, payload: bytes) -> Pcm:
        """Decode a packet. Raises AudioError for an empty one; conceal it then."""
        if not payload:
            raise AudioError("An empty payload is no packet; treat it as lost.")
        pcm = self._decode(payload)
        self._made_up = 0
        return self._keep(self._doubler.push(pcm) if self._doubler else pcm)

    def fec_samples(self, next_payload: bytes) -> int:
        """Return how many samples before a packet it can restore: these codecs have no FEC."""
        return 0

    def decode_fec(self, next_payload: bytes, samples: int) -> Pcm:
        """Conceal what was lost before a packet."""
        return self.conceal(samples)

    def conceal(self, samples: int) -> Pcm:
        """Make up `samples`: the last period of the voice again and again, dying away over 60 ms."""
        period = self._past[-self._period() :]
        at = self._made_up + np.arange(samples)
        fade = np.maximum(0.0, 1.0 - at / _FADED)
        self._made_up += samples
        return self._keep((np.resize(period, samples) * fade).astype(np.float32))

    def _period(self) -> int:
        recent = self._past[-_MATCHED:]
        shifts = np.lib.stride_tricks.sliding_window_view(self._past, _MATCHED)[::-1]
        earlier = shifts[_SHORTEST_PERIOD : _LONGEST_PERIOD + 1]
        likeness = earlier @ recent / (np.linalg.norm(earlier, axis=1) + 1e-6)
        return _SHORTEST_PERIOD + int(np.argmax(likeness))

    def _keep(self, pcm: Pcm) -> Pcm:
        self._past = np.concatenate((self._past, pcm))[-len(self._past) :]
        return pcm


class TelephoneEncoder:
    """Encodes mono at the codec's rate (`TELEPHONE_RATES`)."""

    def __init__(self, codec: TelephoneCodec) -> None:
        self.rate = TELEPHONE_RATES[codec]
        self.encode = law.encode if (law := _LAWS.get(codec)) else _G722("w").encode
        """Encodes an even number of samples. Raises AudioError for what is no audio (NaN, another shape)."""


class _G722:
    """One stream of G.722, read ("r") or written ("w")."""

    def __init__(self, mode: Literal["r", "w"]) -> None:
        self._codec: Any = av.CodecContext.create("g722", mode)
        self._codec.format, self._codec.layout, self._codec.sample_rate = "s16", "mono", _RATE

    def decode(self, payload: bytes) -> Pcm:
        """Return the samples of a packet. Raises AudioError."""
        try:
            frames = self._codec.decode(av.Packet(payload))
        except av.FFmpegError as error:
            raise AudioError(f"FFmpeg could not decode a packet ({error}); drop it.") from error
        return from_s16(b"".join(frame.to_ndarray().astype("<i2").tobytes() for frame in frames))

    def encode(self, pcm: Pcm) -> bytes:
        """Return the packet of an even number of samples."""
        samples = np.frombuffer(to_s16(pcm), "<i2")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = _RATE
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))


class _Doubler:
    """Puts a sample between any two: 8 kHz becomes 16 kHz."""

    def __init__(self) -> None:
        at = np.arange(0.5 - _NEIGHBOURS, _NEIGHBOURS)
        self._taps = (np.sinc(at) * np.kaiser(2 * _NEIGHBOURS, 6.0)).astype(np.float32)
        self._past = np.zeros(2 * _NEIGHBOURS - 1, np.float32)

    def push(self, pcm: Pcm) -> Pcm:
        """Take the next samples; return twice as many."""
        joined = np.concatenate((self._past, pcm))
        self._past = joined[len(pcm) :]
        doubled = np.empty(2 * len(pcm), np.float32)
        doubled[0::2] = joined[_NEIGHBOURS - 1 :][: len(pcm)]
        doubled[1::2] = np.clip(np.convolve(joined, self._taps, "valid"), -1.0, 1.0)
        return doubled
