"""Whether a caller's line is dead: then the agent waits, and says again what the line lost.

A caller who sends sound without a pause (browsers do, 50 packets a second) and of whom suddenly nothing comes any more,
no message and no ICE check either, most likely hears nothing. WebRTC notices that after many seconds; the agent would
talk to nobody meanwhile, and take it for heard.
"""

import asyncio

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.session.coordinator import Session

DEAD_S = 0.6
"""Nothing for this long: more than the 0.4 s between the packets of a sender that saves on silence (Opus DTX)."""
REWIND_S = 0.8
"""What is sent again: what went into the dead line, and what was still under way when it died."""
GAP_S = 0.12
"""A sender without pauses leaves no longer gap; a network without great trouble does not, either."""
STEADY_S, STEADY_PACKETS = 1.0, 40
"""A sender without pauses, known by a second of its packets."""


class Line:
    """One caller's line, both ways; it pulls the session's audio as long as somebody can hear it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._last = self._began = self._loop.time()
        self._packets = 0
        self._held = False

    def note_packet(self) -> None:
        """Sound has come."""
        now = self._loop.time()
        if now - self._last > GAP_S:
            self._began, self._packets = now, 0
        self._last = now
        self._packets += 1

    def note_sign(self) -> None:
        """Something else has come: if there is no sound meanwhile, that is not the line's doing."""
        now = self._loop.time()
        if now - self._last > GAP_S:
            self._began, self._packets, self._last = now, 0, now

    @property
    def is_dead(self) -> bool:
        """Whether it is, most likely."""
        lasted_s = self._last - self._began
        steady = lasted_s >= STEADY_S and self._packets >= STEADY_PACKETS * lasted_s
        return steady and self._loop.time() - self._last > DEAD_S

    def pull(self, session: Session) -> Pcm:
        """Return the next 20 ms for the caller: the session's, or silence while the line is dead."""
        if self.is_dead:
            self._held = True
            return np.zeros(session.playout.frame_samples, np.float32)
        if self._held:
            self._held = False
            session.playout.rewind(REWIND_S)
        return session.pull()
