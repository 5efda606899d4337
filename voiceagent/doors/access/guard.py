"""What a client's connections may cost: how many there are, and how much of the event loop's time their bytes take.

Everything that people hear passes through the event loop. A quarter megabyte of empty frames or one-byte chunks takes
it for a second, though it is little to send: so what a client sends is read in small pieces, and the processor time
that they took is charged to its address.
"""

from collections import Counter
from collections.abc import Callable
from time import monotonic

from voiceagent.config.settings import ServerSettings
from voiceagent.doors.access.proxies import Proxies
from voiceagent.doors.access.rate import Bucket, Rates

LOOP_SHARE, LOOP_BURST_S = 0.1, 0.3
"""The share of the event loop's time for reading what one address sends, and how much it may take at once. A WebSocket
with speech takes 0.003, an upload of 100 MB half a second."""

MOST_HELD_BYTES = 128 * 2**20
"""Of WebSocket messages that have begun to come, on all connections together."""
SMALL_BYTES = 2**20
"""A message of up to this many bytes is taken whatever others hold: a second of speech has a tenth."""


class Guard:
    """Counts the connections of one port. `clock` is in seconds."""

    def __init__(self, server: ServerSettings, clock: Callable[[], float] = monotonic) -> None:
        self._most, self._most_each = server.connections, server.connections_per_address
        self._proxies = Proxies(server)
        self._clock = clock
        self._open: Counter[str] = Counter()
        self._held = 0
        self._reading = Rates(LOOP_SHARE, LOOP_BURST_S, clock)

    @property
    def open(self) -> int:
        """Connections that are open."""
        return self._open.total()

    def enter(self, address: str) -> int | None:
        """Count a connection; return the HTTP status that refuses it, and count nothing, where it is one too many."""
        if self.open >= self._most:
            return 503
        if self._most_each and address not in self._proxies and self._open[address] >= self._most_each:
            return 429
        self._open[address] += 1
        return None

    def leave(self, address: str) -> None:
        """A counted connection has ended."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]

    def hold(self, before: int, now: int) -> bool:
        """Count what a connection holds of an unfinished message, `before` and `now`; return whether it may."""
        self._held += now - before
        return now <= SMALL_BYTES or self._held <= MOST_HELD_BYTES

    def budget(self, address: str) -> Callable[[float], float]:
        """Return what takes the seconds that reading took, and gives those to wait before reading on.

        An address has one budget; each connection of a proxy has its own.
        """
        if address in self._proxies:
            return Bucket(LOOP_SHARE, LOOP_BURST_S, self._clock).delay_s
        return lambda cost: self._reading.delay_s(address, cost)
