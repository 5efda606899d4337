"""How much of a response Twilio has played: by the marks that were sent after its audio and came back.

What was sent is counted as `audio/pacer.py` does, as played one frame after the other from when it was sent. A mark
that has come back bounds that from above: so much was played then, and no more since than the time that has passed. So
no word that waited in the network or at Twilio when the caller interrupted is remembered as heard.
"""

from collections import deque

from voiceagent.audio.pacer import FRAME_S

EVERY_FRAMES = 5
"""A mark follows every 100 ms of audio."""
MOST_UNDER_WAY = 64
"""More marks than a client holds audio for: one that returns none costs no memory."""


class Heard:
    """The audio of one response after the other, as a client that returns marks plays it. Times are the loop's."""

    def __init__(self) -> None:
        self._marks: deque[tuple[str, float]] = deque(maxlen=MOST_UNDER_WAY)  # name, seconds of audio before it
        self._count = 0
        self._returns_marks = False
        self.begin(-1)

    def begin(self, generation: int) -> None:
        """Another response begins."""
        self.generation = generation
        self._marks.clear()
        self._frames = 0
        self._sent_s = 0.0
        self._plays_until = 0.0
        self._confirmed_s = self._confirmed_at = 0.0
        self._cut_s: float | None = None

    def sent(self, now: float) -> str | None:
        """Count a frame that was sent; return the name of the mark that is to follow it, if one is."""
        if self._cut_s is not None:  # it goes on from where the server believes that it was cut
            self._cut_s = None
            self._confirmed_s, self._confirmed_at = self._sent_s, now
        self._sent_s += FRAME_S
        self._plays_until = max(self._plays_until, now) + FRAME_S
        self._frames += 1
        if self._frames % EVERY_FRAMES != 1:
            return None
        self._count += 1
        self._marks.append((str(self._count), self._sent_s))
        return self._marks[-1][0]

    def returned(self, name: str, now: float) -> None:
        """A mark came back; one of another response, or of audio that was cleared, says nothing."""
        for mark in list(self._marks):
            if mark[0] == name:
                self._returns_marks = True
                self._confirmed_s, self._confirmed_at = mark[1], now
                while self._marks.popleft() != mark:
                    pass

    def cleared(self, now: float) -> None:
        """The client was told to forget what it has not played."""
        self._cut_s = self._heard_s(now)
        self._marks.clear()
        self._sent_s -= max(0.0, self._plays_until - now)
        self._plays_until = 0.0

    def ms(self, now: float) -> float | None:
        """Return how many ms of the response were played; None if the client returns no marks."""
        if not self._returns_marks:
            return None
        return 1000 * (self._heard_s(now) if self._cut_s is None else self._cut_s)

    def _heard_s(self, now: float) -> float:
        played_s = self._sent_s - max(0.0, self._plays_until - now)
        since_s = now - self._confirmed_at if self._confirmed_s else 0.0
        return min(played_s, self._confirmed_s + since_s)
