"""A virtual clock: an event loop whose time jumps to the next timer instead of waiting for it.

With scripted engines and virtual lanes a thirty-minute conversation takes seconds and is the same every time.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualClock(asyncio.SelectorEventLoop):
    """An event loop that never sleeps. Not for real sockets or threads."""

    def __init__(self) -> None:
        super().__init__(_JumpingSelector(self))
        self._now = 0.0

    def time(self) -> float:
        """Seconds since the loop was made, in virtual time."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._now += seconds


class _JumpingSelector(selectors.DefaultSelector):
    """Advances the clock instead of waiting."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("the virtual clock has no timer to jump to: everything waits for something else")
        self._clock.advance(max(0.0, timeout))
        return super().select(0)


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualClock) as runner:
        return runner.run(main)
