"""Whether answers have come late of late. The forecast is slow and may be wrong; whoever waits too long is a fact."""

from collections import deque
from collections.abc import Callable

from voiceagent.scheduler.admission.search import IN_TIME

LOOK_BACK_S = 30.0
"""A few answers of each caller; and a machine that was late lets nobody in for so long."""
BAD_LUCK = 1
"""One late answer proves nothing, however few there are."""


class Punctuality:
    """Takes how long answers were waited for. In time is within `promise_s`; `now` is any clock in seconds."""

    def __init__(self, promise_s: float, now: Callable[[], float]) -> None:
        self._promise_s = promise_s
        self._now = now
        self._answers: deque[tuple[float, bool]] = deque()

    def answered(self, waited_s: float) -> None:
        """An answer began after so long, or was given up then."""
        self._answers.append((self._now(), waited_s > self._promise_s))

    @property
    def is_late(self) -> bool:
        """Whether more answers came late than may."""
        while self._answers and self._answers[0][0] < self._now() - LOOK_BACK_S:
            self._answers.popleft()
        late = sum(late for _, late in self._answers)
        return late > max(BAD_LUCK, (1 - IN_TIME) * len(self._answers))
