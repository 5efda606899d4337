"""Whether there is room for one more caller, and the refusal where there is none.

It knows how many are connected, how many there is room for, and how long calls last.
"""

from collections import deque
from collections.abc import Callable
from math import ceil
from time import monotonic

from voiceagent.doors.errors import UnavailableError
from voiceagent.doors.host import Capacity

CALLS_REMEMBERED = 16
FIRST_RETRY_S, SOONEST_RETRY_S, LATEST_RETRY_S = 10, 5, 60
"""Before any call has ended; at least, so that no page retries too often; at most, so that no user gives up."""


class Limits:
    """Admits up to `most` callers and up to `capacity`; no new caller while answers are late or the newest caller's
    effect is unknown. Always at least one.
    """

    def __init__(self, capacity: Callable[[], Capacity], clock: Callable[[], float] = monotonic) -> None:
        self._capacity = capacity
        self._clock = clock
        self._present: dict[str, tuple[str | None, float]] = {}
        """Of each connection: from where somebody calls, and since when."""
        self._calls_s: deque[float] = deque(maxlen=CALLS_REMEMBERED)

    def require(self, present: int, address: str | None = None) -> None:
        """Raise UnavailableError if no caller of an address may join the `present` ones; None is nobody's address."""
        room = self._capacity()
        here = 0 if address is None else sum(known == address for known, _ in self._present.values())
        if room.per_address and here >= room.per_address:
            raise self._refusal("address_full", "There are too many callers from your address.", here)
        if present >= room.most:
            raise self._refusal("server_full", f"All {room.most} places are taken.", present)
        if room.callers is not None and present >= max(1, room.callers):
            raise self._refusal("server_busy", f"The server cannot answer more than {present} in time.", present)
        if present and room.late:
            raise self._refusal("server_busy", "The server is overloaded right now.", present)
        if present and room.settling:
            text = f"Someone just joined; try again in {FIRST_RETRY_S} s."
            raise UnavailableError("server_busy", text, FIRST_RETRY_S)

    def joined(self, connection_id: str, address: str | None) -> None:
        """Record from where somebody calls, from now on."""
        self._present[connection_id] = address, self._clock()

    def left(self, connection_id: str) -> None:
        """Record that a call has ended, and how long it took."""
        _, since = self._present.pop(connection_id)
        self._calls_s.append(self._clock() - since)

    def describe(self, present: int) -> dict[str, int | None]:
        """Return how many callers are connected, can be answered in time (null: unknown), and may connect."""
        room = self._capacity()
        return {"now": present, "capacity": room.callers, "most": room.most}

    def retry_after_s(self, present: int) -> int:
        """Return when one of those present is likely to leave, given the length of the last calls."""
        if not self._calls_s:
            return FIRST_RETRY_S
        one_leaves_s = sum(self._calls_s) / len(self._calls_s) / max(1, present)
        return min(LATEST_RETRY_S, max(SOONEST_RETRY_S, ceil(one_leaves_s)))

    def _refusal(self, code: str, text: str, present: int) -> UnavailableError:
        retry_s = self.retry_after_s(present)
        return UnavailableError(code, f"{text} Try again in {retry_s} s: a caller may have hung up by then.", retry_s)
