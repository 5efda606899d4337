"""How late the event loop is: everything that people hear or see passes through it and is delayed as much.

Schedules calls at fixed times and records how late each one comes. A loop that was blocked for a second makes up for
the calls it missed, so that a blockage counts in proportion to its length.
"""

import asyncio
from collections.abc import Callable

INTERVAL_S = 0.05
LONGEST_S = 5.0
"""After a longer gap the machine was asleep rather than the loop busy: start again."""


class LoopLag:
    """Calls `observe` with the running loop's lag in seconds, every `INTERVAL_S`, until it is closed.

    An idle loop is up to a millisecond late: its selector waits in whole milliseconds.
    """

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + INTERVAL_S
        self._timer = self._loop.call_at(self._due, self._tick)

    def close(self) -> None:
        """Stop measuring."""
        self._timer.cancel()

    def _tick(self) -> None:
        lag_s = self._loop.time() - self._due
        self._observe(max(0.0, lag_s))
        self._due += INTERVAL_S if lag_s < LONGEST_S else lag_s + INTERVAL_S
        self._timer = self._loop.call_at(self._due, self._tick)
