"""What is taken up of a caller's offer, and the answer to all of it.

A browser may offer anything: cameras, screens, several microphones, codecs of next year. aiortc is shown only the audio
sections with a known codec and the data channel, on the one transport that they share; it never sees, receives or
decodes the rest. Every other section of the bundle is answered as inactive, so that the caller's transceivers stay
usable, and what has a transport of its own is rejected (RFC 3264, RFC 8829, RFC 9143).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.webrtc.codecs import CodecName

Codecs = Mapping[str, str]
"""Codecs by payload type, as in {"111": "opus/48000/2"}."""
MAX_AUDIO_SECTIONS = 4
"""Audio sections taken up: each costs a thread in aiortc. A caller has one, or one for each direction."""

_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_CLOCKS: dict[CodecName, int] = {"OPUS": 48_000, "G722": 8_000, "PCMU": 8_000, "PCMA": 8_000}
_STATIC = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}
"""Payload types that need no rtpmap (RFC 3551)."""
_KEPT = re.compile(
    r"a=(mid:.+|msid:.+|rtcp-mux|sctp-port:\d+|sctpmap:\d+ .+|max-message-size:\d+|extmap:\d+(/\w+)? \S+"
    r"|ssrc:\d+ (cname|msid):.*)"
)
_TRANSPORT = ("ice-ufrag", "ice-pwd", "fingerprint", "setup")
_MEDIA_LINE = re.compile(r"m=(\S+) (\d+)(?:/\d+)? (\S+) (.+)")


@dataclass(frozen=True)
class Section:
    """One media section: its lines, without line ends, and where it stands."""

    index: int
    lines: tuple[str, ...]

    @cached_property
    def _media(self) -> tuple[str, str, str, str]:
        match = _MEDIA_LINE.fullmatch(self.lines[0])
        if match is None:
            raise BadRequestError("bad_sdp", f"The offer has a line that is not SDP: {self.lines[0][:60]!r}.")
        return match[1], match[2], match[3], match[4]

    @property
    def kind(self) -> str:
        """Audio, video, application or another."""
        return self._media[0]

    @property
    def protocol(self) -> str:
        """As in UDP/TLS/RTP/SAVPF."""
        return self._media[2]

    @property
    def formats(self) -> list[str]:
        """Payload types, the preferred one first."""
        return self._media[3].split()

    @cached_property
    def mid(self) -> str:
        """The section's name; a section without one is named by its place."""
        return next(_values(self.lines, "mid"), f"#{self.index}")

    @property
    def disabled(self) -> bool:
        """Whether the caller has stopped it."""
        return self._media[1] == "0" and "a=bundle-only" not in self.lines

    @property
    def direction(self) -> str:
        """The direction, as the caller sees it."""
        if self.disabled:
            return "inactive"
        return next((line[2:] for line in self.lines if line[2:] in _DIRECTIONS), "sendrecv")

    @cached_property
    def codecs(self) -> Codecs:
        """The audio codecs that are known here, the preferred one first."""
        maps = {str(number): codec for number, codec in _STATIC.items()}
        maps |= dict(value.split(" ", 1) for value in _values(self.lines, "rtpmap") if " " in value)
        return {number: maps[number] for number in dict.fromkeys(self.formats) if _is_known(maps.get(number, ""))}

    @property
    def codec_names(self) -> dict[int, CodecName]:
        """The same by number and name."""
        return {int(number): cast(CodecName, codec.split("/")[0].upper()) for number, codec in self.codecs.items()}

    def about(self, number: str, *names: str) -> list[str]:
        """Return the attributes of a payload type."""
        return [line for name in names for line in self.lines if line.startswith(f"a={name}:{number} ")]


class Offer:
    """A caller's offer. Raises BadRequestError for what is no offer of an RTCPeerConnection."""

    def __init__(self, sdp: str) -> None:
        self._session, self.sections = _split(sdp)
        groups = [value.split()[1:] for value in _values(self._session, "group") if value.split()[:1] == ["BUNDLE"]]
        self._audio = [section for section in self.sections if section.kind == "audio"]
        known = [section for section in self._audio if section.codecs]
        if not self.sections:
            raise BadRequestError("bad_sdp", "The offer has no media section; add an audio transceiver.")
        self._bundle = groups[0] if groups else [(known or self.sections)[0].mid]
        self._has_bundle = bool(groups)
        self.taken = self._choose(known)
        self._main = next((one for one in self.sections if one.mid in self._bundle[:1]), self.sections[0])
        self.transport = [line for name in _TRANSPORT for line in self._of_transport(name)]
        for needed in _TRANSPORT:
            if not any(line.startswith(f"a={needed}:") for line in self.transport):
                raise BadRequestError("bad_sdp", f"The offer has no a={needed}: is it from an RTCPeerConnection?")

    def require_audio(self) -> None:
        """Raise BadRequestError unless there is audio that can be taken up, as a first offer must have it."""
        if any(section.kind == "audio" for section in self.taken):
            return
        if not self._audio:
            raise BadRequestError("bad_sdp", "The offer has no audio; add an audio transceiver before createOffer().")
        if not any(section.codecs for section in self._audio):
            raise BadRequestError("no_codec", "No codec of the offer is known here; offer Opus, G.722, PCMU or PCMA.")
        raise BadRequestError("bad_sdp", "The offer's audio is stopped, or not in its BUNDLE group.")

    @property
    def ufrag(self) -> str:
        """The caller's ICE user name fragment; a new one restarts ICE."""
        return next(_values(self.transport, "ice-ufrag"))

    @property
    def password(self) -> str:
        """The caller's ICE password."""
        return next(_values(self.transport, "ice-pwd"))

    @property
    def fingerprints(self) -> frozenset[str]:
        """The caller's certificate; another one is another RTCPeerConnection."""
        return frozenset(value.upper() for value in _values(self.transport, "fingerprint"))

    @property
    def candidates(self) -> list[str]:
        """The caller's ICE candidates."""
        return list(_values(self._main.lines, "candidate"))

    def is_of_transport(self, mid: object, index: object) -> bool:
        """Return whether a candidate of a section belongs to the shared transport."""
        return mid == self._main.mid or index == self._main.index or (mid is None and index is None)

    def reduced(self, known: Mapping[str, Codecs]) -> str:
        """Return the part that is taken up, as an offer of its own.

        `known` sections of the offers before come first, in this order, with the codecs that they had: aiortc cannot
        change them. Raises BadRequestError for one that has lost the codec that is spoken.
        """
        order = [*known, *(section.mid for section in self.taken if section.mid not in known)]
        by_mid = {section.mid: section for section in self.sections}
        lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE {' '.join(order)}"]
        lines += ["a=msid-semantic:WMS *", *(line for line in self._session if line == "a=ice-lite")]
        for mid in order:
            section = by_mid.get(mid)
            if section is None or section.disabled:
                lines += _stopped(mid, known.get(mid, {}))
            else:
                lines += _simplified(section, known.get(mid, section.codecs))
            lines += self.transport
        return "\r\n".join(lines) + "\r\n"

    def answered(self, answer: str) -> str:
        """Return the answer to the whole offer, given the one to the reduced offer."""
        session, sections = _split(answer)
        by_mid = {section.mid: section for section in sections}
        ours = sections[0].lines
        transport = [line for name in _TRANSPORT for line in ours if line.startswith(f"a={name}:")]
        whole: list[str] = []
        bundled = []
        for section in self.sections:
            if section.disabled or section.mid not in self._bundle:
                whole += _rejected(section)
                continue
            if section.mid in by_mid:
                whole += [line for line in by_mid[section.mid].lines if not line.startswith("a=mid:#")]
            elif section.kind in ("audio", "video"):
                whole += [*_inactive(section), *transport]
            else:
                whole += _rejected(section)
                continue
            bundled.append(section.mid)
        group = (
            [f"a=group:BUNDLE {' '.join(mid for mid in self._bundle if mid in bundled)}"] if self._has_bundle else []
        )
        kept = [line for line in session if not line.startswith("a=group:")]
        return "\r\n".join([*kept, *group, *whole]) + "\r\n"

    def _choose(self, audio: list[Section]) -> list[Section]:
        """Return the sections to take up: what the caller sends, what it can hear, and its data channel."""
        bundled = [section for section in audio if section.mid in self._bundle and not section.disabled]
        sending = [section for section in bundled if section.direction in ("sendrecv", "sendonly")][:MAX_AUDIO_SECTIONS]
        hearing = [section for section in bundled if section.direction in ("sendrecv", "recvonly")][:1]
        data = [
            section
            for section in self.sections
            if section.kind == "application" and section.mid in self._bundle and "SCTP" in section.protocol
        ][:1]
        chosen = sending + hearing or bundled[:1]
        return [section for section in self.sections if section in chosen + data and not section.disabled]

    def _of_transport(self, name: str) -> list[str]:
        """Return the attributes of that name of the shared transport; the session's hold where it has none."""
        prefix = f"a={name}:"
        mine = [line for line in self._main.lines if line.startswith(prefix)]
        return mine or [line for line in self._session if line.startswith(prefix)]


def _simplified(section: Section, known: Codecs) -> list[str]:
    """Return a section with what aiortc needs of it, of its codecs the known ones."""
    codecs = {number: codec for number, codec in section.codecs.items() if known.get(number) == codec}
    if known and next(iter(known)) not in codecs:
        raise BadRequestError(
            "no_codec", f"The offer drops the codec of the call, {next(iter(known.values()))}; keep it."
        )
    formats = list(codecs) if section.kind == "audio" else section.formats
    lines = [f"m={section.kind} 9 {section.protocol} {' '.join(formats)}", "c=IN IP4 0.0.0.0"]
    lines += [line for line in section.lines[1:] if _KEPT.fullmatch(line)]
    if section.kind == "audio":
        lines.append(f"a={section.direction}")
    for number, codec in codecs.items():
        lines += [f"a=rtpmap:{number} {codec}", *section.about(number, "fmtp", "rtcp-fb")]
    return [*lines, f"a=mid:{section.mid}"] if section.mid.startswith("#") else lines


def _stopped(mid: str, known: Codecs) -> list[str]:
    """Return a section that the caller has stopped, or used for another: aiortc keeps its place."""
    if not known:
        return [
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{mid}",
            "a=sctp-port:5000",
        ]
    media = f"m=audio 9 UDP/TLS/RTP/SAVPF {' '.join(known)}"
    maps = [f"a=rtpmap:{number} {codec}" for number, codec in known.items()]
    return [media, "c=IN IP4 0.0.0.0", f"a=mid:{mid}", "a=inactive", "a=rtcp-mux", *maps]


def _split(sdp: str) -> tuple[list[str], list[Section]]:
    """Return the session's lines, and the media sections."""
    parts: list[list[str]] = [[]]
    for line in filter(None, re.split(r"[\r\n]+", sdp)):
        if line.startswith("m="):
            parts.append([])
        parts[-1].append(line.rstrip())
    return parts[0], [Section(index, tuple(lines)) for index, lines in enumerate(parts[1:])]


def _values(lines: Sequence[str], name: str) -> Iterator[str]:
    prefix = f"a={name}:"
    return (line[len(prefix) :].strip() for line in lines if line.startswith(prefix))


def _is_known(codec: str) -> bool:
    name, _, rest = codec.partition("/")
    clock = _CLOCKS.get(cast(CodecName, name.upper()))
    return clock is not None and rest.split("/")[0] == str(clock)


def _rejected(section: Section) -> list[str]:
    mid = [] if section.mid.startswith("#") else [f"a=mid:{section.mid}"]
    media = f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}"
    return [media, "c=IN IP4 0.0.0.0", *mid, "a=inactive"]


def _inactive(section: Section) -> list[str]:
    """Return the answer to a section in which nothing is sent either way: its first codec, on the shared transport."""
    number = section.formats[0]
    return [
        f"m={section.kind} 9 {section.protocol} {number}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        "a=inactive",
        "a=rtcp-mux",
        *section.about(number, "rtpmap", "fmtp"),
    ]
