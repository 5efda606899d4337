"""Puts packets in order that a network loses, duplicates, delays and swaps.

The listener behind this buffer is speech recognition, not a loudspeaker: it does not mind audio that comes in
bursts. So, unlike a playout jitter buffer, this one holds nothing back to even out arrival times. A packet that is
next in order comes out at once, without added delay. Only a *missing* packet makes the ones behind it wait, and
only for `wait_s`: 20 ms on a network that never swaps packets, up to 60 ms on one that does. Then it is
given up as `Lost`, and everything behind it comes out together. The delay of one packet says nothing about the
next: no delay is carried on, so there is none to catch up with, and every packet leaves within 60 ms of arriving.

(The usual buffer, aiortc's among them, keeps a fixed number of packets and is late by that much for good.)

The buffer has no clock: arrival and reading times are arguments, seconds on any one clock. It does not know what
is in a packet, nor how long a packet lasts: `Frame.timestamp` shows a reader who knows both what a gap meant.
"""

from collections import OrderedDict
from dataclasses import dataclass

SHORTEST_WAIT_S = 0.02
"""One ordinary packet: enough for two neighbours that were swapped."""
LONGEST_WAIT_S = 0.06
"""Beyond this, hearing the rest in time is worth more than hearing the missing 20 ms."""

_WAIT_MARGIN = 1.25
_FORGET_PER_PACKET = 0.998
"""A swap is forgotten by half in 350 packets (7 s)."""
_MAX_DROPOUT, _MAX_MISORDER = 3000, 100
"""Sequence numbers farther ahead or behind than this are another stream's (RFC 3550, appendix A.1)."""
_MAX_HELD = 100
"""Packets behind a missing one before it is given up at once: more arrive only in a flood."""
_MAX_REMEMBERED = 100
"""Lost packets that are still recognised when they turn up late."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A packet whose turn it is. `sequence` and `timestamp` do not wrap around."""

    sequence: int
    timestamp: int
    payload: bytes
    arrival_s: float
    first: bool = False
    """It begins a stream: its timestamp has nothing to do with those before."""


@dataclass(frozen=True, slots=True)
class Lost:
    """`packets` in a row that never came; `following` is the one after them, and the next to come out."""

    packets: int
    following: Frame


class JitterBuffer:
    """Puts packets in order, each at most once, and says which are lost."""

    def __init__(self) -> None:
        self.late = 0
        """Packets that came after they had been given up."""
        self.lost = 0
        """Packets given up."""
        self.reset()

    def reset(self) -> None:
        """Forget everything but the counters: another stream begins (a new SSRC)."""
        self._held: dict[int, Frame] = {}
        self._given_up: OrderedDict[int, float] = OrderedDict()  # lost packets, and since when they were missed
        self._next: int | None = None
        self._newest_timestamp = 0
        self._suspect: int | None = None
        self._lateness_s = 0.0

    @property
    def wait_s(self) -> float:
        """The current wait for a missing packet."""
        return min(LONGEST_WAIT_S, max(SHORTEST_WAIT_S, self._lateness_s * _WAIT_MARGIN))

    @property
    def next_deadline_s(self) -> float | None:
        """When `pop` will return something without another packet having come; None if it never will."""
        if not self._held:
            return None
        return self._missing_since() + (0.0 if self._next in self._held else self.wait_s)

    def add(self, sequence_number: int, timestamp: int, payload: bytes, arrival_s: float) -> bool:
        """Take a packet, its 16-bit sequence number and 32-bit timestamp as in RTP; return whether it is of use.

        Duplicates and packets that come too late are not. Neither is the first packet of a stream that has jumped to
        another sequence (a sender that restarted without a new SSRC); the second shows that the jump was meant.
        """
        first = self._next is None
        if self._next is None:
            self._next = sequence_number
            self._newest_timestamp = timestamp
        ahead = _nearest(sequence_number - self._next, 16)
        if not -_MAX_MISORDER <= ahead <= _MAX_DROPOUT:
            if sequence_number != self._suspect:
                self._suspect = (sequence_number + 1) & 0xFFFF
                return False
            self.reset()
            return self.add(sequence_number, timestamp, payload, arrival_s)
        self._suspect = None
        sequence = self._next + ahead
        if ahead < 0 or sequence in self._held:
            self._note_late(sequence, arrival_s)
            return False
        if any(other > sequence for other in self._held):
            self._note_lateness(arrival_s - self._missing_since(sequence))
        unwrapped = self._newest_timestamp + _nearest(timestamp - self._newest_timestamp, 32)
        self._newest_timestamp = max(self._newest_timestamp, unwrapped)
        self._held[sequence] = Frame(sequence, unwrapped, payload, arrival_s, first)
        return True

    def pop(self, now_s: float) -> Frame | Lost | None:
        """Return what is next, or None while there is nothing, or a missing packet is still waited for."""
        if self._next is None or not self._held:
            return None
        frame = self._held.pop(self._next, None)
        if frame is not None:
            self._next += 1
            self._lateness_s *= _FORGET_PER_PACKET
            return frame
        since = self._missing_since()
        if now_s < since + self.wait_s and len(self._held) < _MAX_HELD:
            return None
        following = self._held[min(self._held)]
        packets = following.sequence - self._next
        for sequence in range(max(self._next, following.sequence - _MAX_REMEMBERED), following.sequence):
            self._given_up[sequence] = since
        while len(self._given_up) > _MAX_REMEMBERED:
            self._given_up.popitem(last=False)
        self._next = following.sequence
        self.lost += packets
        return Lost(packets, following)

    def _missing_since(self, sequence: int = -1) -> float:
        """When it first showed that something before the held packets (those after `sequence`) had not come."""
        return min(frame.arrival_s for frame in self._held.values() if frame.sequence > sequence)

    def _note_late(self, sequence: int, arrival_s: float) -> None:
        since = self._given_up.pop(sequence, None)
        if since is not None:
            self.late += 1
            self._note_lateness(arrival_s - since)

    def _note_lateness(self, lateness_s: float) -> None:
        self._lateness_s = max(self._lateness_s, lateness_s)


def _nearest(difference: int, bits: int) -> int:
    """Return the smallest step that equals `difference` in a counter of `bits` bits."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half
