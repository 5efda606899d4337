"""What happened to a caller's audio, both ways, counted for the metrics of all callers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voiceagent.audio.playout import Playout
from voiceagent.audio.receive import ReceiveStats
from voiceagent.doors.webrtc.inbound import Inbound

COUNT_S = 2.0
"""How often the audio is counted for the metrics."""
CONCEALED_PACKET = 320
"""Samples of an ordinary packet at 16 kHz."""


@dataclass(frozen=True, slots=True)
class AudioCount:
    """Packets of the caller's audio, and gaps in the agent's."""

    received: int = 0
    lost: int = 0
    concealed: int = 0
    """Lost packets whose audio was recovered or concealed."""
    underruns: int = 0

    def since(self, earlier: "AudioCount") -> "AudioCount":
        """Return the difference to an earlier count."""
        return AudioCount(
            self.received - earlier.received,
            self.lost - earlier.lost,
            self.concealed - earlier.concealed,
            self.underruns - earlier.underruns,
        )


def count_of(stats: ReceiveStats, underruns: int) -> AudioCount:
    """Return the count so far."""
    concealed = stats.fec_recovered + stats.concealed // CONCEALED_PACKET
    return AudioCount(stats.received, stats.lost, concealed, underruns)


class AudioCounter:
    """Passes on what has been counted of one caller's audio, from `start` to `close`."""

    def __init__(self, inbound: Inbound, playout: Playout, on_count: Callable[[AudioCount], None]) -> None:
        self._inbound = inbound
        self._playout = playout
        self._on_count = on_count
        self._counted = AudioCount()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Count from now on."""
        self._timer = asyncio.get_running_loop().call_later(COUNT_S, self._keep_on)

    def close(self) -> None:
        """Count for the last time."""
        if self._timer is not None:
            self._timer.cancel()
        self._count()

    def _keep_on(self) -> None:
        self._count()
        self.start()

    def _count(self) -> None:
        now = count_of(self._inbound.stats, self._playout.underruns)
        self._on_count(now.since(self._counted))
        self._counted = now
