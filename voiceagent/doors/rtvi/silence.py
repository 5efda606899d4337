"""Responses that a client wants as text: they are played to nobody, as fast as they are made."""

import asyncio
from collections.abc import Callable

from voiceagent.session.coordinator import Session

TICK_S = 0.02


class SilentPlayer:
    """Plays a session's audio to nobody while `wanted`: what would be spoken counts as heard at once."""

    def __init__(self, session: Callable[[], Session], wanted: Callable[[], bool]) -> None:
        self._session = session
        self._wanted = wanted
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to play, for as long as it is wanted; nothing if it plays already."""
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_S, self._play)

    def close(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _play(self) -> None:
        session = self._session()
        self._timer = None
        while self._wanted() and session.playout.has_frame(dry=False):
            session.pull()
            session.note_played()
        if self._wanted():
            self.start()
