"""What a session hears and what its listener is played, given to a recorder as it happens, both on one clock.

Each side is one stream without overlaps: what comes within GAP_S of what came before follows it at once, so that the
jitter of a network makes no holes. To a client that is sent audio ahead of time (`audio/pacer.py`) it counts when it
is played, and what is taken back before that was never there.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Protocol

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.playout import Playout
from voiceagent.engines.asr.contract import SAMPLE_RATE

log = logging.getLogger(__name__)

GAP_S = 0.1
"""A shorter delay is jitter; after a longer one the audio goes on where the clock is."""
NEAREST_S = 0.005
"""A client has less to play than it was sent when the difference is more than rounding."""


class Recorder(Protocol):
    """Takes both sides of one session, mono float32, on the event loop; what it raises ends the recording."""

    def user(self, pcm: Pcm, at: float) -> None:
        """The user was heard: 16 kHz, its first sample at `at` (event-loop seconds)."""

    def agent(self, pcm: Pcm, at: float) -> None:
        """The listener was played this, at the rate of the session's playout; silence may be left out."""

    def close(self) -> None:
        """The session has ended; nothing comes after this."""


class Recording:
    """Gives one session to one recorder."""

    def __init__(self, recorder: Recorder, playout: Playout, session: str) -> None:
        self._recorder = recorder
        self._playout = playout
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._user, self._agent = _Track(SAMPLE_RATE), _Track(playout.rate)
        self._unplayed: deque[tuple[Pcm, float]] = deque()
        """What a client that is ahead has yet to play, and when it begins."""
        self._over = False

    def hear(self, pcm: Pcm) -> None:
        """Take what the user was heard to say, up to now."""
        self._give(self._recorder.user, pcm, self._user.place(pcm, self._loop.time() - len(pcm) / SAMPLE_RATE))

    def pull(self, frame: Pcm, ahead_s: float | None) -> None:
        """Take what was pulled for the listener, who had yet to play `ahead_s` before it; None: who plays at once."""
        at = self._agent.place(frame, self._loop.time() + (ahead_s or 0.0))
        if ahead_s is None:
            self._give(self._recorder.agent, frame, at)
        else:
            self._unplayed.append((frame, at))

    def note_played(self) -> None:
        """Pass on what the listener has played meanwhile; forget what was taken back."""
        if not self._unplayed:
            return
        now, ahead_s = self._loop.time(), self._playout.unplayed_s or 0.0
        while self._unplayed and self._end_of(self._unplayed[0]) <= now:
            self._give(self._recorder.agent, *self._unplayed.popleft())
        if self._unplayed and self._end_of(self._unplayed[-1]) - now > ahead_s + NEAREST_S:
            self._cut(now)

    def close(self) -> None:
        """The session has ended."""
        self.note_played()
        if not self._over:
            self._over = True
            self._recorder.close()

    def _cut(self, now: float) -> None:
        frame, at = self._unplayed[0]
        if (played := round((now - at) * self._playout.rate)) > 0:
            self._give(self._recorder.agent, frame[:played], at)
        self._unplayed.clear()
        self._agent.end = now

    def _end_of(self, piece: tuple[Pcm, float]) -> float:
        return piece[1] + len(piece[0]) / self._playout.rate

    def _give(self, take: Callable[[Pcm, float], None], pcm: Pcm, at: float) -> None:
        if self._over:
            return
        try:
            take(pcm, at)
        except Exception:  # a full disk must not end the conversation
            self._over = True
            log.exception("the recording ends here", extra={"session": self._session})


class _Track:
    """Places one side's audio on the clock."""

    def __init__(self, rate: int) -> None:
        self.end = -inf
        self._rate = rate

    def place(self, pcm: Pcm, at: float) -> float:
        """Return when it begins, if it came for `at`."""
        begin = at if at - self.end > GAP_S else self.end
        self.end = begin + len(pcm) / self._rate
        return begin
