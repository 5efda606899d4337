"""Checks on an offer before aiortc sees it, and what is added to an answer before the caller sees it."""

import re

from voiceagent.doors.errors import BadRequestError, TooLargeError

MAX_SDP_CHARS = 64_000
"""A browser's offer with every codec it knows has about 10 kB."""

_OPUS = re.compile(r"^a=rtpmap:(\d+) opus/48000/2\r?$", re.MULTILINE | re.IGNORECASE)


def check_offer(sdp: object, kind: object) -> str:
    """Return the offer's SDP. Raises BadRequestError for a malformed one, TooLargeError for an oversize one."""
    if kind != "offer" or not isinstance(sdp, str):
        raise BadRequestError("bad_sdp", 'Send {"type": "offer", "sdp": "v=0..."} as RTCPeerConnection makes it.')
    if len(sdp) > MAX_SDP_CHARS:
        raise TooLargeError("too_large", f"The offer is longer than {MAX_SDP_CHARS} characters.")
    if any("\ud800" <= character <= "\udfff" for character in sdp):
        raise BadRequestError("bad_sdp", "The offer is not text: it holds half of a surrogate pair.")
    if not sdp.startswith("v=0"):
        raise BadRequestError("bad_sdp", "The offer is not SDP: it should begin with v=0.")
    return sdp


def ask_for_fec(answer: str) -> str:
    """Ask the caller to send Opus with in-band FEC, which it does only on request (RFC 7587, 6.1)."""

    def add(match: re.Match[str]) -> str:
        payload_type = match.group(1)
        if re.search(rf"^a=fmtp:{payload_type} ", answer, re.MULTILINE):
            return match.group(0)
        return f"{match.group(0).rstrip()}\r\na=fmtp:{payload_type} minptime=10;useinbandfec=1\r"

    return _OPUS.sub(add, answer)
