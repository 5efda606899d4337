"""ICE candidates as callers send them after the offer: as RTCIceCandidate writes itself, or in Pipecat's spelling."""

from collections.abc import Iterator
from dataclasses import dataclass

from aioice import Candidate

from voiceagent.doors.errors import BadRequestError


@dataclass(frozen=True, slots=True)
class Trickled:
    """A candidate, or None: no more follow; and the section it is for, as far as the caller says."""

    candidate: Candidate | None
    mid: str | None
    index: int | None
    ufrag: str | None


def read_candidates(items: object) -> Iterator[Trickled]:
    """Yield what a request's list of candidates holds. Raises BadRequestError."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadRequestError("bad_candidate", 'Send {"pc_id": "...", "candidates": [{"candidate": "..."}]}.')
    for item in items:
        mid = item.get("sdpMid", item.get("sdp_mid"))
        index = item.get("sdpMLineIndex", item.get("sdp_mline_index"))
        ufrag = item.get("usernameFragment", item.get("username_fragment"))
        yield Trickled(
            _parsed(item.get("candidate")),
            mid if isinstance(mid, str) else None,
            index if isinstance(index, int) else None,
            ufrag if isinstance(ufrag, str) else None,
        )


def parse_candidate(line: str) -> Candidate:
    """Return the candidate of an SDP attribute, with or without its name. Raises BadRequestError."""
    try:
        candidate = Candidate.from_sdp(line.removeprefix("a=").removeprefix("candidate:"))
        if not 0 <= candidate.port <= 65_535:
            raise ValueError("no such port")
        return candidate
    except ValueError as error:
        raise BadRequestError("bad_candidate", f"Not an ICE candidate: {line[:80]!r}.") from error


def _parsed(line: object) -> Candidate | None:
    if line is not None and not isinstance(line, str):
        raise BadRequestError("bad_candidate", "A candidate is a string; null or an empty one is the end of them.")
    if not line or not line.removeprefix("a=").removeprefix("candidate:").strip():
        return None
    return parse_candidate(line)
