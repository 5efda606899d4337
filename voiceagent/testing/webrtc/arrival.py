"""When a packet reached this machine, by the kernel's clock, so that a busy caller does not count it as late.

A busy process takes a packet off its socket long after it came. Linux remembers when it came (SO_TIMESTAMPNS); other
systems do not report it, and there a packet counts as arrived when it is read.
"""

import asyncio
import socket
import struct
import sys
import time
from typing import Any

from aiortc.rtp import is_rtcp

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it
_TIMESPEC = struct.Struct("@ll")
_KEPT = 1000
"""RTP sequence numbers; a packet is asked about within milliseconds."""


class ArrivalSocket:
    """Wraps a UDP socket in asyncio's transport, and records when each RTP packet came."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._arrivals: dict[int, float] = {}
        if sys.platform == "linux":
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recvfrom(self, size: int) -> tuple[bytes, Any]:
        """Receive one datagram and its sender."""
        data, ancillary, _, address = self._sock.recvmsg(size, 64)
        now = asyncio.get_running_loop().time()
        stamp = next((stamp for level, kind, stamp in ancillary if kind == _SO_TIMESTAMPNS), None)
        if 128 <= data[0] < 192 and not is_rtcp(data):  # RFC 7983: RTP or RTCP
            if stamp is not None:
                seconds, nanoseconds = _TIMESPEC.unpack(stamp[: _TIMESPEC.size])
                now -= time.time() - (seconds + nanoseconds / 1e9)
            self._arrivals[int.from_bytes(data[2:4], "big")] = now
            if len(self._arrivals) > _KEPT:
                del self._arrivals[next(iter(self._arrivals))]
        return data, address

    def arrival(self, sequence_number: int) -> float | None:
        """Return when that packet came, on the event loop's clock; None for one that was not seen."""
        return self._arrivals.get(sequence_number)
