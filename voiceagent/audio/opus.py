"""Opus through libopus itself, for what no Python binding offers: packet-loss concealment, in-band FEC, and
decoding straight to 16 kHz mono, so that a received packet needs no resampler.

The library is the one that PyAV's wheels carry; a system's own libopus serves where they carry none. One decoder
or encoder belongs to one stream and one thread at a time. Functions and constants: opus_defines.h, RFC 6716.
"""

import ctypes
import ctypes.util
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

from voiceagent.audio.pcm import AudioError, Pcm, checked

RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
"""The sample rates at which Opus can encode and decode; the stream itself is the same at all of them."""

TIMESTAMP_RATE = 48_000
"""RTP timestamps of Opus count at this rate, whatever the rate of the samples (RFC 7587)."""

_BIGGEST_PACKET = 1_500
"""Bytes; more than any voice at any bit rate needs for one packet, and what a network carries in one."""
_APPLICATION_VOIP = 2048
_SET_BITRATE, _SET_COMPLEXITY, _SET_INBAND_FEC, _SET_PACKET_LOSS = 4002, 4010, 4012, 4014
_COMPLEXITY = 5
"""From 0 to 10. libopus's default, 9, takes more of processors that the models need."""
_FRAMES_PER_PACKET = 48
_CELT_ONLY = 0x80
_STEREO = 0x04


def _candidates() -> list[str]:
    spec = importlib.util.find_spec("av")
    places: list[str] = []
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        bundled = [*package.parent.glob("av.libs/libopus-*.so*"), *package.glob(".dylibs/libopus.*dylib")]
        places = [str(path) for path in bundled]
    system = ctypes.util.find_library("opus")
    return [*places, system] if system else places


@cache
def _library() -> ctypes.CDLL:
    for place in _candidates():
        try:
            library = ctypes.CDLL(place)
        except OSError:
            continue
        _declare(library)
        return library
    raise AudioError("libopus was not found; install PyAV from a wheel (pip install av), or the package libopus0.")


def _declare(lib: ctypes.CDLL) -> None:
    pointer, integer, text = ctypes.c_void_p, ctypes.c_int32, ctypes.c_char_p
    lib.opus_strerror.argtypes, lib.opus_strerror.restype = [integer], text
    lib.opus_packet_get_nb_samples.argtypes = [text, integer, integer]
    lib.opus_packet_parse.argtypes = [text, integer, pointer, pointer, pointer, pointer]
    lib.opus_decoder_create.argtypes, lib.opus_decoder_create.restype = [integer, integer, pointer], pointer
    lib.opus_decode_float.argtypes = [pointer, text, integer, pointer, integer, integer]
    lib.opus_decoder_destroy.argtypes, lib.opus_decoder_destroy.restype = [pointer], None
    lib.opus_encoder_create.argtypes, lib.opus_encoder_create.restype = [integer, integer, integer, pointer], pointer
    lib.opus_encode_float.argtypes = [pointer, pointer, integer, pointer, integer]
    lib.opus_encoder_ctl.argtypes = [pointer, integer]  # variadic: ctypes must know which arguments are not
    lib.opus_encoder_destroy.argtypes, lib.opus_encoder_destroy.restype = [pointer], None


def _succeeded(result: int, doing: str) -> int:
    if result < 0:
        reason = _library().opus_strerror(result).decode()
        raise AudioError(f"Opus could not {doing} ({reason}); drop this piece and go on with the next.")
    return result


def _known_rate(rate: int) -> int:
    if rate not in RATES:
        raise AudioError(f"Opus does not work at {rate} Hz; resample to one of {', '.join(map(str, RATES))}.")
    return rate


def packet_samples(payload: bytes, rate: int = TIMESTAMP_RATE) -> int:
    """Return how many samples at `rate` a packet decodes to. Raises AudioError for a packet that is not Opus."""
    if not payload:
        raise AudioError("An empty payload is no Opus packet; treat it as lost.")
    return _succeeded(_library().opus_packet_get_nb_samples(payload, len(payload), rate), "read a packet's length")


def has_fec(payload: bytes) -> bool:
    """Return whether a packet also carries the audio of the one before it, at a lower quality (RFC 6716, 4.2.4)."""
    if not payload or payload[0] & _CELT_ONLY:
        return False
    sizes, offset = (ctypes.c_int16 * _FRAMES_PER_PACKET)(), ctypes.c_int32()
    frames = _library().opus_packet_parse(payload, len(payload), None, None, sizes, ctypes.byref(offset))
    if frames <= 0 or sizes[0] == 0:
        return False
    silk_frames = max(1, packet_samples(payload, 1000) // frames // 20)
    flags = payload[offset.value]
    middle = flags >> (7 - silk_frames) & 1
    side = flags >> (6 - 2 * silk_frames) & 1 if payload[0] & _STEREO else 0
    return bool(middle or side)


class OpusDecoder:
    """Decodes one stream of packets to mono at `rate` Hz. Any packet, however broken, leaves it usable."""

    clock = TIMESTAMP_RATE

    def __init__(self, rate: int = 16_000) -> None:
        self.rate = _known_rate(rate)
        self._library = _library()
        error = ctypes.c_int32()
        self._state = self._library.opus_decoder_create(rate, 1, ctypes.byref(error))
        _succeeded(error.value, "make a decoder")

    def __del__(self) -> None:
        if state := getattr(self, "_state", None):
            self._library.opus_decoder_destroy(state)

    def decode(self, payload: bytes) -> Pcm:
        """Decode a packet. Raises AudioError for one that is empty or corrupt; conceal it then."""
        return self._decode(payload, packet_samples(payload, self.rate), from_next=False)

    def fec_samples(self, next_payload: bytes) -> int:
        """Return how many samples before a packet its FEC can restore."""
        return packet_samples(next_payload, self.rate) if has_fec(next_payload) else 0

    def decode_fec(self, next_payload: bytes, samples: int) -> Pcm:
        """Recover the `samples` that were lost just before `next_payload`, which is decoded after this.

        Where that packet carries no FEC for them, they are concealed.
        """
        return self._decode(next_payload, samples, from_next=True)

    def conceal(self, samples: int) -> Pcm:
        """Make up `samples` that continue the last ones, dying away over about 100 ms."""
        return self._decode(None, samples, from_next=False)

    def _decode(self, payload: bytes | None, samples: int, *, from_next: bool) -> Pcm:
        step = self.rate // 400  # libopus conceals in units of 2.5 ms
        capacity = -(-samples // step) * step
        pcm = np.empty(capacity, np.float32)
        size = len(payload) if payload is not None else 0
        made = self._library.opus_decode_float(self._state, payload, size, pcm.ctypes.data, capacity, int(from_next))
        return np.clip(pcm[: min(samples, _succeeded(made, "decode a packet"))], -1.0, 1.0)


class OpusEncoder:
    """Encodes mono at `rate` Hz for speech; with `fec`, each packet can also restore the one before it.

    libopus spends bits on FEC only as far as `packet_loss_percent` and `bitrate` make it worthwhile: at 5 %, speech at
    16 or 24 kHz has it from 32 kb/s on, at 48 kHz from 48 kb/s on (measured with libopus 1.6).
    """

    def __init__(self, rate: int, *, bitrate: int = 32_000, fec: bool = True, packet_loss_percent: int = 5) -> None:
        self.rate = _known_rate(rate)
        self._library = _library()
        error = ctypes.c_int32()
        self._state = self._library.opus_encoder_create(rate, 1, _APPLICATION_VOIP, ctypes.byref(error))
        _succeeded(error.value, "make an encoder")
        for request, name, value in (
            (_SET_BITRATE, "bitrate", bitrate),
            (_SET_COMPLEXITY, "complexity", _COMPLEXITY),
            (_SET_INBAND_FEC, "fec", int(fec)),
            (_SET_PACKET_LOSS, "packet_loss_percent", packet_loss_percent),
        ):
            if self._library.opus_encoder_ctl(self._state, request, ctypes.c_int32(value)) < 0:
                raise AudioError(f"Opus does not take {name}={value}; see opus_defines.h for what it does.")

    def __del__(self) -> None:
        if state := getattr(self, "_state", None):
            self._library.opus_encoder_destroy(state)

    def encode(self, pcm: Pcm) -> bytes:
        """Encode 2.5, 5, 10, 20, 40 or 60 ms. Raises AudioError for another length, or samples like NaN."""
        samples = np.ascontiguousarray(checked(pcm))
        packet = ctypes.create_string_buffer(_BIGGEST_PACKET)
        size = self._library.opus_encode_float(self._state, samples.ctypes.data, len(samples), packet, len(packet))
        return packet.raw[: _succeeded(size, f"encode {len(samples)} samples at {self.rate} Hz")]
