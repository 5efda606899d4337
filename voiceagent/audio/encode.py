"""Sound into the bytes of a file while it is made, by FFmpeg (through PyAV): nothing is held but a packet."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import av
import numpy as np
from av.audio.stream import AudioStream

from voiceagent.audio.files import Resampler
from voiceagent.audio.pcm import Pcm, to_s16
from voiceagent.audio.wav import wav_header


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file."""

    media_type: str
    container: str = ""
    """FFmpeg's name; "" for samples as they are."""
    codec: str = ""
    rate: int | None = None
    """Hz; None for those of the sound."""
    options: Mapping[str, str] | None = None
    bit_rate: int | None = None


FORMATS = {
    "mp3": Format("audio/mpeg", "mp3", "libmp3lame", options={"write_xing": "0"}, bit_rate=64_000),
    "opus": Format("audio/ogg", "ogg", "libopus", 48_000, {"page_duration": "200000"}),
    "aac": Format("audio/aac", "adts", "aac"),
    "flac": Format("audio/flac", "flac", "flac"),
    "wav": Format("audio/wav"),
    "pcm": Format("audio/pcm", rate=24_000),
}
"""By the names that clients use. Samples of wav and pcm are signed 16-bit little-endian."""


class Encoder:
    """Encodes a stream of mono sound at `rate` Hz in one of the `FORMATS`."""

    def __init__(self, name: str, rate: int) -> None:
        self._format = FORMATS[name]
        self._out = _Pipe()
        self._head = wav_header(rate) if name == "wav" else b""
        to_rate = self._format.rate or rate
        self._resampler = Resampler(rate, to_rate) if to_rate != rate else None
        self._rate = to_rate
        if self._format.container:
            options = {"flush_packets": "1", **(self._format.options or {})}
            self._container = av.open(self._out, "w", format=self._format.container, options=options)
            stream: AudioStream = self._container.add_stream(  # type: ignore[assignment]
                self._format.codec, rate=to_rate, layout="mono"
            )
            if self._format.bit_rate is not None:
                stream.bit_rate = self._format.bit_rate
            self._stream = stream

    def push(self, pcm: Pcm) -> bytes:
        """Take more sound; return what is encoded by now (perhaps nothing)."""
        return self._encode(pcm if self._resampler is None else self._resampler.push(pcm))

    def finish(self) -> bytes:
        """Return the end of the file."""
        last = self._encode(self._resampler.flush()) if self._resampler is not None else self._take()
        if self._format.container:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        return last + self._take()

    def _encode(self, pcm: Pcm) -> bytes:
        if not len(pcm):
            return self._take()
        if not self._format.container:
            return self._take() + to_s16(pcm)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm).reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = self._rate
        self._container.mux(self._stream.encode(frame))
        return self._take()

    def _take(self) -> bytes:
        head, self._head = self._head, b""
        return head + self._out.take()


class _Pipe(io.RawIOBase):
    """What a container writes, to be taken piece by piece: it cannot go back in it."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "av.buffer.Buffer | bytes") -> int:  # type: ignore[override]
        self._written += bytes(data)
        return len(bytes(data))

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken
