"""How late the event loop is: everything that people hear or are shown passes through it, and so waits as long.

Asks to be called at fixed times and notes by how much each call came late. A loop that was held up for a second makes
up for the calls it missed, so that the hold-up weighs as much as it lasted.
"""

import asyncio
from collections.abc import Callable

INTERVAL_S = 0.05
LONGEST_S = 5.0
"""After this the machine was asleep, and not the loop busy: begin anew."""


class LoopLag:
    """Gives `observe` the running loop's lag in seconds, every `INTERVAL_S`, until it is closed.

    An idle loop is up to a millisecond late: its selector waits in whole ones.
    """

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + INTERVAL_S
        self._timer = self._loop.call_at(self._due, self._tick)

    def close(self) -> None:
        """Measure no more."""
        self._timer.cancel()

    def _tick(self) -> None:
        lag_s = self._loop.time() - self._due
        self._observe(max(0.0, lag_s))
        self._due += INTERVAL_S if lag_s < LONGEST_S else lag_s + INTERVAL_S
        self._timer = self._loop.call_at(self._due, self._tick)
