"""Checks on an offer before aiortc sees it, and what is added to an answer before the caller sees it."""

import re

from voiceagent.doors.errors import BadRequestError

MAX_SDP_BYTES = 64_000
"""A browser's offer with every codec it knows has about 10 kB."""

_OPUS = re.compile(r"^a=rtpmap:(\d+) opus/48000/2\r?$", re.MULTILINE | re.IGNORECASE)


def check_offer(sdp: object, kind: object) -> str:
    """Return the offer's SDP. Raises BadRequestError for a malformed one."""
    if kind != "offer" or not isinstance(sdp, str):
        raise BadRequestError("bad_sdp", 'Send {"type": "offer", "sdp": "v=0..."} as RTCPeerConnection makes it.')
    if len(sdp.encode()) > MAX_SDP_BYTES:
        raise BadRequestError("bad_sdp", f"The offer is larger than {MAX_SDP_BYTES} bytes.")
    if not sdp.startswith("v=0"):
        raise BadRequestError("bad_sdp", "The offer is not SDP: it should begin with v=0.")
    if not re.search(r"^m=audio ", sdp, re.MULTILINE):
        raise BadRequestError("bad_sdp", "The offer has no audio; add an audio transceiver before createOffer().")
    return sdp


def ask_for_fec(answer: str) -> str:
    """Ask the caller to send Opus with in-band FEC, which it does only on request (RFC 7587, 6.1)."""

    def add(match: re.Match[str]) -> str:
        payload_type = match.group(1)
        if re.search(rf"^a=fmtp:{payload_type} ", answer, re.MULTILINE):
            return match.group(0)
        return f"{match.group(0).rstrip()}\r\na=fmtp:{payload_type} minptime=10;useinbandfec=1\r"

    return _OPUS.sub(add, answer)
