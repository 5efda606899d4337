"""Whether answers have been late, or nearly, of late. The forecast is slow and may be wrong; waiting is a fact."""

from collections import deque
from collections.abc import Callable

LOOK_BACK_S = 30.0
"""A few answers of each caller; and a machine that was late lets nobody in for so long."""
NEARLY = 0.75
"""An answer that took this part of the promised time is nearly late: one caller more, and it would have been."""
MOST_NEARLY = 0.1
"""The share of the answers for which that is tolerable."""
BAD_LUCK = 1
"""One such answer proves nothing, however few there are."""


class Punctuality:
    """Takes how long answers were waited for, which were promised within `promise_s`; `now` is any clock in seconds."""

    def __init__(self, promise_s: float, now: Callable[[], float]) -> None:
        self._promise_s = promise_s
        self._now = now
        self._answers: deque[tuple[float, bool]] = deque()

    def answered(self, waited_s: float) -> None:
        """An answer began after so long, or was given up then."""
        self._answers.append((self._now(), waited_s > NEARLY * self._promise_s))
        self._forget()

    @property
    def is_late(self) -> bool:
        """Whether too many answers were late, or nearly."""
        self._forget()
        late = sum(late for _, late in self._answers)
        return late > max(BAD_LUCK, MOST_NEARLY * len(self._answers))

    def _forget(self) -> None:
        while self._answers and self._answers[0][0] < self._now() - LOOK_BACK_S:
            self._answers.popleft()
