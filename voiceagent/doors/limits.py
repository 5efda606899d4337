"""Whether there is room for one more caller, and what those are told for whom there is none.

It knows how many are connected, how many there is room for, and how long calls last.
"""

from collections import deque
from collections.abc import Callable
from math import ceil

from voiceagent.doors.errors import UnavailableError
from voiceagent.doors.host import Capacity

CALLS_REMEMBERED = 16
FIRST_RETRY_S, SOONEST_RETRY_S, LATEST_RETRY_S = 10, 5, 60
"""Before any call has ended; so that no page asks too often; so that no person thinks that it never will."""


class Limits:
    """Places for callers: no more than may be connected, nor than can be answered in time, and none more while answers
    are late or it is not yet seen how those present are answered; but one in any case.
    """

    def __init__(self, capacity: Callable[[], Capacity]) -> None:
        self._capacity = capacity
        self._calls_s: deque[float] = deque(maxlen=CALLS_REMEMBERED)

    def require(self, present: int) -> None:
        """Raise UnavailableError if nobody may come to so many."""
        room = self._capacity()
        if present >= room.most:
            raise self._refusal("server_full", f"All {room.most} places are taken.", present)
        if room.callers is not None and present >= max(1, room.callers):
            raise self._refusal("server_busy", f"The machine cannot answer more than {present} in time.", present)
        if present and room.late:
            raise self._refusal("server_busy", "The machine is behind with its answers.", present)
        if present and room.settling:
            text = f"Somebody has just come. Try again in {FIRST_RETRY_S} s: then it is known whether there is room."
            raise UnavailableError("server_busy", text, FIRST_RETRY_S)

    def left(self, call_s: float) -> None:
        """Take note that a call has ended after so many seconds."""
        self._calls_s.append(call_s)

    def describe(self, present: int) -> dict[str, int | None]:
        """Return callers now, as many as can be answered in time (null: not known), and as many as may come."""
        room = self._capacity()
        return {"now": present, "capacity": room.callers, "most": room.most, "carried": room.callers}

    def retry_after_s(self, present: int) -> int:
        """Return when one of those present will have left, by the length of the last calls."""
        if not self._calls_s:
            return FIRST_RETRY_S
        one_leaves_s = sum(self._calls_s) / len(self._calls_s) / max(1, present)
        return min(LATEST_RETRY_S, max(SOONEST_RETRY_S, ceil(one_leaves_s)))

    def _refusal(self, code: str, text: str, present: int) -> UnavailableError:
        retry_s = self.retry_after_s(present)
        return UnavailableError(code, f"{text} Try again in {retry_s} s: somebody may have hung up by then.", retry_s)
