"""What happened to a caller's audio, both ways, counted for the metrics of all callers."""

from dataclasses import dataclass

from voiceagent.audio.receive import ReceiveStats

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
