"""The alarms of one session, on the event loop."""

import asyncio
from collections.abc import Callable

from voiceagent.session.events import Timer


class Timers:
    """Sets and cancels alarms; `on_fired` is called for each that is not cancelled."""

    def __init__(self, on_fired: Callable[[Timer], None]) -> None:
        self._on_fired = on_fired
        self._loop = asyncio.get_running_loop()
        self._set: dict[Timer, asyncio.TimerHandle] = {}

    def set(self, timer: Timer, delay_s: float) -> None:
        """Fire after a while; an alarm of that kind that is set already is replaced."""
        self.cancel(timer)
        self._set[timer] = self._loop.call_later(delay_s, self._fire, timer)

    def cancel(self, timer: Timer) -> None:
        """Do not fire."""
        if (handle := self._set.pop(timer, None)) is not None:
            handle.cancel()

    def _fire(self, timer: Timer) -> None:
        del self._set[timer]
        self._on_fired(timer)
