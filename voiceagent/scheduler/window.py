"""The last steps of one kind and size: what they took, and whether that has changed.

A step far outside of what the window has seen is set aside. If ordinary steps follow, it was bad luck, and becomes one
of many; if more such steps follow without a break, the device is another than before (its clocks were changed, it is
hot, it is shared), and everything older is forgotten. Knows numbers only.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable

HISTORY = 64
"""Steps remembered: enough for a stable quantile, few enough to follow a slow drift within seconds."""
ENOUGH = 5
"""Steps after which the window judges new ones, and strange steps in a row that make it forget the older ones."""
TOLERANCE = 1.25
"""A step is strange this far beyond the ninth or below the first tenth of the window: clocks change by more, and steps
of one kind differ by less."""


class Window:
    """What the last `HISTORY` steps took, in seconds (or any other positive measure)."""

    def __init__(self, steps: Iterable[float] = ()) -> None:
        self._steps: deque[float] = deque()
        self._sorted: list[float] = []
        self._strange: list[float] = []
        self._side = 0
        """Where the strange steps lie: 1 above the others, -1 below, 0 where there are none."""
        for step in steps:
            self._remember(step)

    def __len__(self) -> int:
        return len(self._steps)

    def copy(self, times: float = 1.0) -> "Window":
        """Return a window that has seen the same, so many times as long."""
        other = Window()
        other._steps = deque(times * step for step in self._steps)
        other._sorted = [times * step for step in self._sorted]
        other._strange, other._side = [times * step for step in self._strange], self._side
        return other

    def add(self, step: float) -> None:
        """Learn from one more step. Microseconds, whatever the window holds."""
        side = self._side_of(step)
        if side != self._side:
            self._settle(side)
        if side == 0:
            self._remember(step)
            return
        self._strange.append(step)
        if len(self._strange) == ENOUGH:
            self._steps.clear()
            self._sorted.clear()
            self._settle(0)

    @property
    def mean(self) -> float:
        """What they took on the average."""
        return sum(self._steps) / len(self._steps)

    def quantile(self, q: float) -> float:
        """Return what a share `q` (0 to 1) of the steps took at most.

        It is always one of the steps, and of two the lesser: so one alone is not believed before another confirms it.
        """
        return self._sorted[int(q * (len(self._sorted) - 1))]

    def _side_of(self, step: float) -> int:
        if len(self._steps) < ENOUGH:
            return 0
        if step > TOLERANCE * self.quantile(0.9):
            return 1
        return -1 if step * TOLERANCE < self.quantile(0.1) else 0

    def _settle(self, side: int) -> None:
        """Let the steps set aside be like any others; the next ones will lie on `side`."""
        for step in self._strange:
            self._remember(step)
        self._strange.clear()
        self._side = side

    def _remember(self, step: float) -> None:
        if len(self._steps) == HISTORY:
            del self._sorted[bisect_left(self._sorted, self._steps.popleft())]
        self._steps.append(step)
        insort(self._sorted, step)
