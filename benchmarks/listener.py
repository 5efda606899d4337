"""What a listener heard, and when: the agent's packets as they came from the network, without any buffer.

Time is the listener's own clock. A sample is heard when its packet arrived plus its place in the packet: no listener
can hear it sooner. What comes ahead of its time, as over a WebSocket, is heard when what came before has been played.
Sound is what lies above `AUDIBLE_DB` over `BLOCK_MS`. The timeline knows nothing of sessions and
words.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from voiceagent.audio.opus import TIMESTAMP_RATE, OpusDecoder
from voiceagent.audio.pcm import AudioError, Pcm

RATE = 16_000
AUDIBLE_DB = -50.0
"""Some 30 dB below a voice, and 30 above what a codec leaves of silence."""
BLOCK_MS = 5
REST_S = 0.4
"""Silence this long is not part of speech: pauses between sentences measure up to 0.35 s."""

_BLOCK = RATE * BLOCK_MS // 1000
_TICKS = TIMESTAMP_RATE // RATE
_AUDIBLE_POWER = 10 ** (AUDIBLE_DB / 10)


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of the agent's audio, decoded."""

    arrival: float
    timestamp: int
    """In samples of this stream, without wrap-around."""
    pcm: Pcm
    audible: tuple[bool, ...]
    """One for each block of `BLOCK_MS`."""


class Timeline:
    """All that one listener has received, in the order in which it came."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.lost = 0
        """Packets missing in what came so far; on a loopback network there are none."""
        self._decoder = OpusDecoder(RATE)
        self._sequence: int | None = None
        self._timestamp = 0
        self._last_timestamp = 0
        self._played_at = 0.0

    def push(self, sequence_number: int, timestamp: int, payload: bytes, arrival: float) -> None:
        """Take a packet with its RTP header. A damaged, duplicate or late one is ignored."""
        ahead = 1 if self._sequence is None else (sequence_number - self._sequence) & 0xFFFF
        if not 1 <= ahead < 0x8000:
            return
        try:
            pcm = self._decoder.decode(payload)
        except AudioError:
            return
        self.lost += ahead - 1
        if self._sequence is not None:
            self._timestamp += ((timestamp - self._last_timestamp) & 0xFFFFFFFF) // _TICKS
        self._sequence, self._last_timestamp = sequence_number, timestamp
        self._append(arrival, self._timestamp, pcm)

    def hear(self, pcm: Pcm, now: float) -> None:
        """Take 16 kHz audio that is heard now."""
        self._append(now, round(now * RATE), pcm)

    def play(self, pcm: Pcm, now: float) -> None:
        """Take 16 kHz audio that a client plays as soon as it comes, or when it has played what came before."""
        at = max(now, self._played_at)
        self._played_at = at + len(pcm) / RATE
        self.hear(pcm, at)

    def forget(self, now: float) -> None:
        """The client drops what it has not begun to play."""
        while self.packets and self.packets[-1].arrival > now:
            del self.packets[-1]
        self._played_at = now

    def between(self, start: float, end: float = float("inf")) -> list[Packet]:
        """Return the packets that arrived in `start <= arrival < end`."""
        first = bisect_left(self.packets, start, key=lambda packet: packet.arrival)
        last = bisect_left(self.packets, end, key=lambda packet: packet.arrival)
        return self.packets[first:last]

    def onset(self, after: float) -> float | None:
        """Return when sound was first heard at `after` or later, None while it was not."""
        return next((at for at, audible in self._blocks(after) if audible), None)

    def rest(self, after: float, rest_s: float = REST_S) -> float | None:
        """Return when the listener was first left in silence for `rest_s`, at `after` or later: the end of the last
        sound before it (`after` itself, if there was none). None while that has not happened.
        """
        silent_since = after
        for at, audible in self._blocks(after):
            if audible:
                silent_since = at + BLOCK_MS / 1000
            elif at + BLOCK_MS / 1000 - silent_since >= rest_s:
                return silent_since
        return None

    def last_sound(self) -> float:
        """Return the end of the last sound so far, 0.0 if there was none; it may be to come, of what waits."""
        for packet in reversed(self.packets):
            for index in reversed(range(len(packet.audible))):
                if packet.audible[index]:
                    return packet.arrival + (index + 1) * BLOCK_MS / 1000
        return 0.0

    def pcm(self, start: float, end: float = float("inf")) -> Pcm:
        """Return the sound of the packets that arrived in that time, as the sender meant it: silence for lost ones."""
        packets = self.between(start, end)
        if not packets:
            return np.zeros(0, np.float32)
        zero = packets[0].timestamp
        joined = np.zeros(packets[-1].timestamp - zero + len(packets[-1].pcm), np.float32)
        for packet in packets:
            joined[packet.timestamp - zero :][: len(packet.pcm)] = packet.pcm
        return joined

    def stalls_ms(self, start: float, end: float) -> list[float]:
        """Return the gaps that late packets make for a listener who plays on at `start` with no buffer at all.

        After a gap that listener is behind the sender by as much, so that a packet as late as the last makes no other.
        """
        stalls: list[float] = []
        dry_at: float | None = None
        for packet in self.between(start, end):
            if dry_at is not None and packet.arrival > dry_at:
                stalls.append((packet.arrival - dry_at) * 1000)
                dry_at = None
            dry_at = (packet.arrival if dry_at is None else dry_at) + len(packet.pcm) / RATE
        return stalls

    def _append(self, arrival: float, timestamp: int, pcm: Pcm) -> None:
        blocks = pcm[: len(pcm) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
        audible = np.mean(np.square(blocks), axis=1) > _AUDIBLE_POWER
        self.packets.append(Packet(arrival, timestamp, pcm, tuple(audible.tolist())))

    def _blocks(self, after: float) -> Iterator[tuple[float, bool]]:
        """Yield time and audibility of every block heard at `after` or later."""
        longest_packet_s = 0.12
        for packet in self.between(after - longest_packet_s):
            for index, audible in enumerate(packet.audible):
                at = packet.arrival + index * BLOCK_MS / 1000
                if at >= after:
                    yield at, audible
