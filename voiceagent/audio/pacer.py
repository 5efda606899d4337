"""The pace at which audio goes to a client that takes it ahead of time: over a WebSocket, not by WebRTC.

Such a client plays what it gets, one piece after the other, and has no clock that would ask for more. It is kept
`lead_s` ahead of what it plays: enough to outlast a network hiccup, and little enough that it falls silent soon when
it is asked to drop the rest. How much it has played is computed from the times of sending; what is under way to it
counts as played. A client's own report takes precedence (`Session.heard_until`).

One task sends; it has no clock but the event loop's, and knows no transport.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.playout import Playout

FRAME_S = 0.02
LEAD_S = 0.3
MIN_LEAD_S, MAX_LEAD_S = 0.2, 0.4
"""Less does not outlast a garbage collection at the other end; more is heard when the agent is interrupted."""
NEAREST_S = 1e-6
"""Rounding error of summed frame durations."""
FRAMES_AT_ONCE = 2
"""A client that starts or has fallen behind is filled at twice the pace, not in a burst."""


class Source(Protocol):
    """The source of the audio: a session."""

    @property
    def playout(self) -> Playout:
        """What it says."""

    def pull(self) -> Pcm:
        """Return the next 20 ms."""

    def note_played(self) -> None:
        """Record what was played."""


class Pacer:
    """Sends a session's audio to one client, in a task of the door's: `await pacer.run()`.

    `send` gets frames of 20 ms at the playout's rate, float32, and may wait for the client; `clear` has it forget what
    it has not played. Both are awaited in order, and end `run` with what they raise. Raises ValueError for a lead that
    is shorter than 0.2 s or longer than 0.4 s.
    """

    def __init__(
        self,
        source: Source,
        send: Callable[[Pcm], Awaitable[None]],
        clear: Callable[[], Awaitable[None]],
        lead_s: float = LEAD_S,
    ) -> None:
        if not MIN_LEAD_S <= lead_s <= MAX_LEAD_S:
            raise ValueError(f"A lead is {MIN_LEAD_S:g} to {MAX_LEAD_S:g} s long, not {lead_s:g} s.")
        self._source = source
        self._send = send
        self._clear = clear
        self._lead_s = lead_s
        self._loop = asyncio.get_running_loop()
        self._plays_until = 0.0  # when the client will have played what it has
        self._sending_s = 0.0  # of what is being sent
        self._must_clear = False
        self._wake = asyncio.Event()

    @property
    def unplayed_s(self) -> float:
        """Seconds of what was pulled that the client has yet to play."""
        return max(0.0, self._plays_until - self._loop.time()) + self._sending_s

    def clear(self) -> None:
        """Have the client forget what it has not played, before it is sent anything else."""
        self._plays_until = self._sending_s = 0.0
        self._must_clear = True
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled, or until the client is gone."""
        self._source.playout.follow(self)
        try:
            due = self._loop.time()
            while True:
                await self._tick()
                now = self._loop.time()
                due = due + FRAME_S if due + FRAME_S > now else now + FRAME_S  # time that was lost stays lost
                await self._sleep_until(due)
        finally:
            self._source.playout.follow(None)

    async def _tick(self) -> None:
        self._source.note_played()
        for _ in range(FRAMES_AT_ONCE):
            if self._must_clear:
                self._must_clear = False
                await self._clear()
            ahead_s = self.unplayed_s
            enough = ahead_s + FRAME_S > self._lead_s + NEAREST_S
            if enough or not self._source.playout.has_frame(dry=ahead_s < FRAME_S):
                return
            await self._send_one()

    async def _send_one(self) -> None:
        frame = self._source.pull()
        self._sending_s = FRAME_S
        await self._send(frame)
        if self._sending_s:  # else it was cleared meanwhile
            self._sending_s = 0.0
            self._plays_until = max(self._plays_until, self._loop.time()) + FRAME_S

    async def _sleep_until(self, due: float) -> None:
        """Wait for the next frame's time, or for a reason to clear."""
        self._wake.clear()
        if self._must_clear:
            return
        try:
            async with asyncio.timeout_at(due):
                await self._wake.wait()
        except TimeoutError:
            pass
