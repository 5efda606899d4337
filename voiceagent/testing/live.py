"""A caller in real time: of models that compute."""

import asyncio

from voiceagent.testing.caller import Caller

CATCH_UP_S = 0.1
"""A caller that was away for longer does not make up for it."""


class LiveCaller(Caller):
    """Keeps pace with the clock, however late a frame was."""

    _due = 0.0

    async def _await_frame(self) -> None:
        now = self._loop.time()
        if now - self._due > CATCH_UP_S:
            self._due = now
        self._due += self._frame_s
        await asyncio.sleep(max(0.0, self._due - now))
