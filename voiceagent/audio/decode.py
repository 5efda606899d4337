"""Sound files, decoded by FFmpeg as far as they can be: what a damaged place costs is that place.

A file is read packet by packet. What does not decode is left out, and silence stands in its place as the times of the
next packet say, so that later words keep theirs. The channels are added up; their powers tell whether they cancelled
each other.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from math import inf
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from voiceagent.audio.mix import LiveMix, Mix
from voiceagent.audio.pcm import AudioError, Pcm

SHORTEST_GAP_S = 0.015
"""Below the length of a codec's frame, above the rounding of times in a container."""
LONGEST_GAP_S = 600.0
"""A time further ahead than this is damaged itself, and is not believed."""
FUTILE_READS = 100
"""After this many failures in a row nothing more is expected of a file."""
EXACT_LENGTHS = ("flac", "mov", "matroska")
"""Containers whose header tells the length itself; elsewhere FFmpeg may estimate it."""
FROM_ZERO = ("flac", "ogg")
"""Formats whose times begin at zero, so that a damaged beginning shows; but not those of a recorded broadcast."""
COUNTED_TIMES = ("mp3", "aac")
"""Formats without times: FFmpeg counts frames, and takes what lies between two that it knows for one."""
LOUDEST = 4.0
"""A frame that is louder than 12 dB above full scale is damaged: it decodes to a bang."""
MOST_PLANES = 8
"""PyAV reads beyond the memory of a frame that has more planes."""
OGG_PAGE_BYTES = 65_307
"""The largest page of an Ogg file."""
MP3_HEADER_BYTES = 1 << 16
"""Within which an mp3 file counts its frames, if it does, unless it begins with a large picture."""
UNKNOWN_LENGTHS = (0, 0xFFFFFFFF)
"""Of a WAV file that was written to a pipe, or whose recorder died; FFmpeg reads it to its end."""
RIFF_REST_BYTES = 4096
"""A WAV file has less than this behind its last chunk, if anything."""


_NAMES_OTHERS = ("hls", "dash", "webm_dash_manifest", "concat", "imf", "rtsp", "sdp", "rtp", "sap")
_DEVICES = (
    "alsa",
    "fbdev",
    "kmsgrab",
    "lavfi",
    "oss",
    "pulse",
    "sndio",
    "v4l2",
    "video4linux2,v4l2",
    "x11grab",
    "xcbgrab",
)


@dataclass(slots=True)
class Decoded:
    """What was read of a file."""

    pcm: Pcm
    """All channels added up, or the one that was asked for."""
    powers: NDArray[np.float64]
    """The energy of each channel."""
    gaps: list[tuple[float, float]]
    """From when to when nothing could be read, in seconds."""
    declared_s: float | None
    """How long the file says it is."""
    length_is_wrong: bool
    """Whether its header gives a length that ends amid the sound; what follows was read too."""


class TooLongError(AudioError):
    """A file holds more sound than is wanted."""

    def __init__(self, path: Path, longest_s: float) -> None:
        super().__init__(f"{path} is longer than {longest_s / 3600:g} hours; cut it into parts.")


def decode(path: Path, rate: int, channel: int | None = None) -> Decoded:
    """Decode a file at `rate` Hz: its channels added up, or one of them.

    Raises AudioError when it has no sound that can be read, OSError or av.FFmpegError when it is no such file.
    """

    def mix(channels: NDArray[np.float32], powers: NDArray[np.float64]) -> Pcm:
        if channel is None:
            return channels.sum(axis=1)  # type: ignore[no-any-return]
        return channels[:, channel].copy() if channel < channels.shape[1] else np.zeros(len(channels), np.float32)

    with _opened(path, rate, mix) as reading:
        for _ in reading.packets():
            pass
        track = reading.track
        return Decoded(track.joined(), track.powers, track.gaps, reading.declared_s, reading.wrong)


def decode_pieces(path: Path, rate: int, longest_s: float = inf) -> Iterator[Pcm]:
    """Yield a file at `rate` Hz as one channel, a packet at a time, as loud as its loudest channel up to there.

    Raises AudioError when it has no sound that can be read, OSError or av.FFmpegError when it is no such file.
    Raises TooLongError for more than `longest_s` seconds of sound: at once where the file says so, and else when that
    many have been read. A few kilobytes may hold hours of silence.
    """
    with _opened(path, rate, LiveMix()) as reading:
        if (reading.declared_s or 0.0) > longest_s:
            raise TooLongError(path, longest_s)
        for _ in reading.packets():
            if reading.track.length_s > longest_s:
                raise TooLongError(path, longest_s)
            for piece in reading.track.taken():
                yield np.clip(piece, -1.0, 1.0)


@dataclass(slots=True)
class _Reading:
    """A file being read."""

    path: Path
    container: InputContainer
    stream: AudioStream
    track: "_Track"
    declared_s: float | None
    wrong: bool
    """Whether its header's length is."""
    damaged: bool = False
    heard: bool = False

    def packets(self) -> Iterator[None]:
        """Decode packet by packet into the track. Raises AudioError at the end where none could be."""
        for _ in _read(self):
            self.heard = self.heard or bool(self.track.pieces)
            yield
        if self.damaged and not self.heard:
            raise AudioError(
                f"{self.path} is damaged, and nothing of it can be read; record it again, or use another copy."
            )


@cache
def _formats() -> str:
    """Return the formats of files that hold their sound themselves: others may name any file or address."""
    return ",".join(sorted(av.formats_available - {*_NAMES_OTHERS, *_DEVICES}))


@contextmanager
def _opened(path: Path, rate: int, mix: Mix) -> Iterator[_Reading]:
    length_is_wrong, wav_s = _wav_length(path)
    options = {"format_whitelist": _formats()} | ({"ignore_length": "1"} if length_is_wrong else {})
    with av.open(str(path), options=options) as container:
        if not container.streams.audio:
            raise AudioError(f"{path} has no audio in it; give a recording (wav, flac, mp3, ogg, g722, ...).")
        stream = container.streams.audio[0]
        if getattr(stream, "codec_context", None) is None:
            raise AudioError(f"{path} is in a codec that FFmpeg does not know; convert it to wav.")
        # A frame whose checksum is wrong decodes to noise.
        stream.codec_context.options = {"err_detect": "crccheck"}
        begin_s = _seconds(stream.start_time, stream.time_base)
        if container.format.name in FROM_ZERO and SHORTEST_GAP_S < begin_s < LONGEST_GAP_S:
            begin_s = 0.0
        declared_s = wav_s or _declared_s(path, container, stream, begin_s)
        # A frame that is louder than possible is damaged, unless it was stored as it is.
        loudest = float("inf") if stream.codec_context.name.startswith("pcm") else LOUDEST
        track = _Track(rate, mix, begin_s, declared_s or float("inf"), loudest)
        yield _Reading(path, container, stream, track, declared_s, length_is_wrong)


def _read(reading: _Reading) -> Iterator[None]:
    """Decode one packet after the other into the track; note whether some could not be."""
    container, stream, track = reading.container, reading.stream, reading.track
    counted = container.format.name in COUNTED_TIMES
    size, length_s = 0, 0.0  # of the packets that were sound
    end = None  # of the last packet, in the file
    for packet in _packets(container, stream):
        if packet is None:
            reading.damaged = True
            continue
        lasts_s = _seconds(packet.duration, packet.time_base)
        if counted and size and end is not None and packet.pos is not None:
            track.late_s += max(0, packet.pos - end) * length_s / size
        end = None if packet.pos is None else packet.pos + packet.size
        try:
            for frame in packet.decode():
                track.add(frame)
            size, length_s = size + packet.size, length_s + lasts_s
        except av.FFmpegError:
            reading.damaged = True
            if counted and size:
                track.late_s += max(0.0, packet.size * length_s / size - lasts_s)
            if packet.pts is not None:
                track.until_s = _seconds(packet.pts, packet.time_base) + lasts_s
        yield
    track.end()
    yield


def _packets(container: InputContainer, stream: AudioStream) -> Iterator["av.Packet[AudioStream] | None"]:
    """Yield the packets, the empty one that ends the stream included; None for what is no packet."""
    failures = 0
    while failures < FUTILE_READS:
        try:
            for packet in container.demux(stream):
                failures = 0
                yield packet
            return
        except av.FFmpegError:
            failures += 1
            yield None


def _seconds(ticks: int | None, base: Fraction | None) -> float:
    return float(ticks * base) if ticks and base else 0.0


def _declared_s(path: Path, container: InputContainer, stream: AudioStream, begin_s: float) -> float | None:
    """Return the length that a file with nothing but this stream states itself, in seconds."""
    if len(container.streams) > 1:
        return None
    if container.format.name == "ogg":
        # The last page counts the samples up to it; FFmpeg does not look at damaged ones.
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - OGG_PAGE_BYTES))
            last = file.read().rpartition(b"OggS")[2]
        return int.from_bytes(last[2:10], "little", signed=True) / stream.rate - begin_s
    exact = container.format.name.startswith(EXACT_LENGTHS)
    if container.format.name == "mp3":
        with path.open("rb") as file:
            exact = bool(re.search(b"Xing|Info", file.read(MP3_HEADER_BYTES)))
    return container.duration / av.time_base if exact and container.duration else None


@dataclass(slots=True)
class _Track:
    """Decoded sound on its way to one channel at one rate."""

    rate: int
    mix: Mix
    begin_s: float
    """When the file begins, by its own times."""
    most_s: float
    """How long it can be: a time behind that is damaged itself."""
    loudest: float
    pieces: list[Pcm] = field(default_factory=list)
    powers: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    gaps: list[tuple[float, float]] = field(default_factory=list)
    until_s: float = 0.0
    """The end of the last packet that gave nothing, by the file's own times."""
    late_s: float = 0.0
    """By how much the file's own times are behind, since they do not count all that is damaged."""
    _length_s: Fraction = Fraction(0)
    _kind: tuple[str, str, int] | None = None
    _resampler: av.AudioResampler | None = None

    def add(self, frame: av.AudioFrame) -> None:
        """Take the next frame, after silence for what is missing before it."""
        if frame.is_corrupt or not frame.samples or not frame.sample_rate:
            return
        if self._is_bang(frame):
            return
        if frame.pts is not None:
            self._fill(_seconds(frame.pts, frame.time_base))
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            self._flush()
            self._kind = kind
            self._resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=self.rate)
        assert self._resampler
        self._length_s += Fraction(frame.samples, frame.sample_rate)
        frame.pts = None  # the resampler would fill gaps by itself
        self._keep(self._resampler.resample(frame))

    def end(self) -> None:
        """Take what the resampler holds, and silence for what is missing at the end."""
        if self._length_s:
            self._fill(self.until_s)
        self._flush()

    def joined(self) -> Pcm:
        """Return all of it."""
        return np.concatenate(self.pieces) if self.pieces else np.zeros(0, np.float32)

    @property
    def length_s(self) -> float:
        """How much has been read, silence for what is missing included."""
        return float(self._length_s)

    def taken(self) -> list[Pcm]:
        """Return what has come since the last call, and keep it no longer."""
        pieces, self.pieces = self.pieces, []
        return pieces

    def _is_bang(self, frame: av.AudioFrame) -> bool:
        if not frame.format.name.startswith("flt") or frame.layout.nb_channels > MOST_PLANES:
            return False
        return float(np.abs(frame.to_ndarray()).max()) > self.loudest

    def _fill(self, at_s: float) -> None:
        position_s = float(self._length_s)
        missing_s = at_s + self.late_s - self.begin_s - position_s
        believed = missing_s < LONGEST_GAP_S and position_s + missing_s < self.most_s + SHORTEST_GAP_S
        if missing_s <= SHORTEST_GAP_S or not believed:
            return
        self._flush()
        self._kind = None
        self.pieces.append(np.zeros(round(missing_s * self.rate), np.float32))
        self._length_s += Fraction(missing_s)
        self.gaps.append((position_s, position_s + missing_s))

    def _flush(self) -> None:
        if self._resampler:
            self._keep(self._resampler.resample(None))
        self._resampler = None

    def _keep(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            samples = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
            channels: NDArray[np.float32] = np.nan_to_num(samples, posinf=1.0, neginf=-1.0)
            self._count(np.einsum("ij,ij->j", channels, channels, dtype=np.float64))
            self.pieces.append(self.mix(channels, self.powers))

    def _count(self, powers: NDArray[np.float64]) -> None:
        if len(powers) > len(self.powers):
            self.powers = np.pad(self.powers, (0, len(powers) - len(self.powers)))
        self.powers[: len(powers)] += powers


def _wav_length(path: Path) -> tuple[bool, float | None]:
    """Return whether the length in a WAV file's header ends amid the sound: what follows is no chunk; and the seconds
    that it gives, where the file is shorter.
    """
    with path.open("rb") as file:
        riff = file.read(12)
        if riff[:4] not in (b"RIFF", b"RF64") or riff[8:] != b"WAVE":
            return False, None
        size, bytes_per_s = path.stat().st_size, 0
        while len(head := file.read(8)) == 8:
            rest = size - file.tell()
            length = int.from_bytes(head[4:], "little")
            if not all(0x20 <= byte < 0x7F for byte in head[:4]):
                return rest > RIFF_REST_BYTES, None
            if head[:4] == b"data" and length in UNKNOWN_LENGTHS:
                break
            if head[:4] == b"data" and length > rest and bytes_per_s:
                return False, length / bytes_per_s
            if head[:4] == b"fmt ":
                bytes_per_s = int.from_bytes(file.read(12)[8:], "little")
                length -= 12
            file.seek(length + length % 2, 1)
    return False, None
