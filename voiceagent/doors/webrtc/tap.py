"""aiortc's receiver without its jitter buffer: each packet is passed on the moment it arrives.

aiortc keeps the buffer private; this is the one place that knows where.
"""

from collections.abc import Callable

from aiortc import RTCRtpReceiver
from aiortc.rtp import RtpPacket

_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"


def tap(receiver: RTCRtpReceiver, push: Callable[[RtpPacket], None]) -> None:
    """Have `push` called with every packet from now on. Raises RuntimeError where this aiortc is another."""
    if not hasattr(receiver, _JITTER_BUFFER):
        raise RuntimeError("this aiortc keeps its jitter buffer elsewhere; voiceagent needs aiortc 1.16")
    setattr(receiver, _JITTER_BUFFER, _Tap(push))


class _Tap:
    """Stands where the buffer was, and keeps nothing."""

    def __init__(self, push: Callable[[RtpPacket], None]) -> None:
        self._push = push

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        """Pass the packet on; report neither a lost picture nor a whole frame."""
        self._push(packet)
        return False, None
