"""The last steps of one kind and size: what they took, and whether that has changed.

A step far outside the range of the window is set aside. If ordinary steps follow, it was an outlier and joins the
others; if such steps continue without a break, the device has changed (its clocks changed, it is hot, it is shared),
and everything older is forgotten. Knows numbers only.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable

HISTORY = 64
"""Steps remembered: enough for a stable quantile, few enough to follow a slow drift within seconds."""
ENOUGH = 5
"""Steps after which the window judges new ones, and the number of outliers in a row that make it forget older ones."""
TOLERANCE = 1.25
"""A step is an outlier this factor above the 90th or below the 10th percentile: clocks change by more, and steps of one
kind differ by less."""


class Window:
    """What the last `HISTORY` steps took, in seconds (or any other positive measure)."""

    def __init__(self, steps: Iterable[float] = ()) -> None:
        self._steps: deque[float] = deque()
        self._sorted: list[float] = []
        self._outliers: list[float] = []
        self._side = 0
        """Where the outliers lie: 1 above the others, -1 below, 0 where there are none."""
        for step in steps:
            self._remember(step)

    def __len__(self) -> int:
        return len(self._steps)

    def copy(self, times: float = 1.0) -> "Window":
        """Return a copy with all steps multiplied by `times`."""
        other = Window()
        other._steps = deque(times * step for step in self._steps)
        other._sorted = [times * step for step in self._sorted]
        other._outliers, other._side = [times * step for step in self._outliers], self._side
        return other

    def add(self, step: float) -> None:
        """Learn from one more step. Takes microseconds, however full the window is."""
        side = self._side_of(step)
        if side != self._side:
            self._settle(side)
        if side == 0:
            self._remember(step)
            return
        self._outliers.append(step)
        if len(self._outliers) == ENOUGH:
            self._steps.clear()
            self._sorted.clear()
            self._settle(0)

    @property
    def mean(self) -> float:
        """The average of the steps."""
        return sum(self._steps) / len(self._steps)

    def quantile(self, q: float) -> float:
        """Return what a share `q` (0 to 1) of the steps took at most.

        Always one of the steps, and of two the lesser: a single long one does not count until another confirms it.
        """
        return self._sorted[int(q * (len(self._sorted) - 1))]

    def _side_of(self, step: float) -> int:
        if len(self._steps) < ENOUGH:
            return 0
        if step > TOLERANCE * self.quantile(0.9):
            return 1
        return -1 if step * TOLERANCE < self.quantile(0.1) else 0

    def _settle(self, side: int) -> None:
        """Add the steps that were set aside; the next outliers lie on `side`."""
        for step in self._outliers:
            self._remember(step)
        self._outliers.clear()
        self._side = side

    def _remember(self, step: float) -> None:
        if len(self._steps) == HISTORY:
            del self._sorted[bisect_left(self._sorted, self._steps.popleft())]
        self._steps.append(step)
        insort(self._sorted, step)
