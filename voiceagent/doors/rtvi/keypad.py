"""Keys that a client presses (DTMF), collected until the caller has finished and then read to the model as text."""

import asyncio
from collections.abc import Callable

from voiceagent.doors.rtvi.envelope import Payload, RequestRefusedError

KEYS = "0123456789*#"
FINISHED_S = 2.0
"""A caller who presses nothing for this long has finished, as Pipecat's own bots take it."""
END = "#"
MOST = 64
"""Keys in one entry."""


class Keypad:
    """One caller's keys; `enter` gets the text of each entry."""

    def __init__(self, enter: Callable[[str], None]) -> None:
        self._enter = enter
        self._loop = asyncio.get_running_loop()
        self._pressed = ""
        self._timer: asyncio.TimerHandle | None = None

    def press(self, data: Payload) -> None:
        """Take the keys of a `dtmf` message. Raises RequestRefusedError for others."""
        keys = data.get("buttons", [data.get("button")])
        if not isinstance(keys, list) or not keys or not all(key in tuple(KEYS) for key in keys):
            raise RequestRefusedError(f'dtmf needs "buttons", a list of keys, each one of {KEYS}.')
        self.close()
        self._pressed = f"{self._pressed}{''.join(keys)}"[:MOST]
        if self._pressed.endswith(END) or len(self._pressed) == MOST:
            self._finish()
        else:
            self._timer = self._loop.call_later(FINISHED_S, self._finish)

    def close(self) -> None:
        """Wait for no more keys."""
        if self._timer is not None:
            self._timer.cancel()

    def _finish(self) -> None:
        pressed, self._pressed = self._pressed, ""
        self._enter(f"DTMF: {pressed}")
