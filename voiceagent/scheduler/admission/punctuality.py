"""Whether recent answers were late or nearly late. The forecast is slow and may be wrong; waiting is a fact."""

from collections import deque
from collections.abc import Callable

LOOK_BACK_S = 30.0
"""Long enough for a few answers to each caller; after late answers no caller is admitted for this long."""
NEARLY = 0.75
"""An answer that took this part of the promised time is nearly late: with one more caller it would be late."""
MOST_NEARLY = 0.1
"""The share of answers that may be late or nearly late."""
BAD_LUCK = 1
"""A single late answer proves nothing, however few answers there are."""


class Punctuality:
    """Records how long callers waited for answers promised within `promise_s`; `now` is any clock in seconds."""

    def __init__(self, promise_s: float, now: Callable[[], float]) -> None:
        self._promise_s = promise_s
        self._now = now
        self._answers: deque[tuple[float, bool]] = deque()

    def answered(self, waited_s: float) -> None:
        """Record that an answer began, or was given up, after `waited_s`."""
        self._answers.append((self._now(), waited_s > NEARLY * self._promise_s))
        self._forget()

    @property
    def is_late(self) -> bool:
        """Whether too many recent answers were late or nearly late."""
        self._forget()
        late = sum(late for _, late in self._answers)
        return late > max(BAD_LUCK, MOST_NEARLY * len(self._answers))

    def _forget(self) -> None:
        while self._answers and self._answers[0][0] < self._now() - LOOK_BACK_S:
            self._answers.popleft()
