"""Whether there is room for one more caller, and what those are told for whom there is none.

It knows how many are connected, how many may be, how many the machine can answer in time, and how long calls last.
"""

from collections import deque
from collections.abc import Callable
from math import ceil

from voiceagent.doors.errors import UnavailableError

CALLS_REMEMBERED = 16
FIRST_RETRY_S, SOONEST_RETRY_S, LATEST_RETRY_S = 10, 5, 60
"""Before any call has ended; lest a page asks too often; lest a person thinks that it never will."""


class Limits:
    """Places for callers: `most` at most, no more than `capacity` (None: not known), and none more while answers are
    `late` or it is `settling` how those present fare; but one at any rate.
    """

    def __init__(
        self,
        most: int,
        capacity: Callable[[], int | None],
        late: Callable[[], bool] = lambda: False,
        settling: Callable[[], bool] = lambda: False,
    ) -> None:
        self._most = most
        self._capacity = capacity
        self._late = late
        self._settling = settling
        self._calls_s: deque[float] = deque(maxlen=CALLS_REMEMBERED)

    def require(self, present: int) -> None:
        """Raise UnavailableError if nobody may come to so many."""
        capacity = self._capacity()
        if present >= self._most:
            raise self._refusal("server_full", f"All {self._most} places are taken.", present)
        if capacity is not None and present >= max(1, capacity):
            raise self._refusal("server_busy", f"The machine cannot answer more than {present} in time.", present)
        if present and self._late():
            raise self._refusal("server_busy", "The machine is behind with its answers.", present)
        if present and self._settling():
            text = f"Somebody has just come. Try again in {FIRST_RETRY_S} s: then it is known whether there is room."
            raise UnavailableError("server_busy", text, FIRST_RETRY_S)

    def left(self, call_s: float) -> None:
        """Take note that a call has ended after so many seconds."""
        self._calls_s.append(call_s)

    def describe(self, present: int) -> dict[str, int | None]:
        """Return callers now, as many as can be answered in time (null: not known), and as many as may come."""
        return {"now": present, "capacity": self._capacity(), "most": self._most}

    def retry_after_s(self, present: int) -> int:
        """Return when one of those present will have left, by the length of the last calls."""
        if not self._calls_s:
            return FIRST_RETRY_S
        one_leaves_s = sum(self._calls_s) / len(self._calls_s) / max(1, present)
        return min(LATEST_RETRY_S, max(SOONEST_RETRY_S, ceil(one_leaves_s)))

    def _refusal(self, code: str, text: str, present: int) -> UnavailableError:
        retry_s = self.retry_after_s(present)
        return UnavailableError(code, f"{text} Try again in {retry_s} s: somebody may have hung up by then.", retry_s)
