"""Audio of turns that are ended by hand, and where in it they end.

A client that ends its turns by hand may send a whole one at once. The recogniser needs to know where speech begins, so
it is given no more than the voice activity detector has judged; a turn ends when all before its end has been judged,
and what comes after it waits until it is dealt with. So every sample belongs to the turn that its client put it in.
Decides nothing about speech; knows no time.
"""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from voiceagent.audio.pcm import Pcm
from voiceagent.engines.vad.contract import FRAME_SAMPLES

E = TypeVar("E")


class HeldAudio(Generic[E]):
    """One session's audio, 16 kHz mono: `detect` is given it first, `recognise` later, `reached` the ends between."""

    def __init__(
        self, detect: Callable[[Pcm], None], recognise: Callable[[Pcm], None], reached: Callable[[E], None]
    ) -> None:
        self._detect = detect
        self._recognise = recognise
        self._reached = reached
        self._line: deque[Pcm | _End[E]] = deque()
        """What the detector has not been given."""
        self._waits = False
        """A turn has ended, and is not dealt with."""
        self._unjudged: deque[Pcm] = deque()
        """What the recogniser has not been given, and the detector has."""
        self._sent = self._judged = self._given = 0

    def push(self, pcm: Pcm) -> None:
        """Take more audio."""
        self._line.append(pcm)
        self.advance()

    def end(self, how: E) -> None:
        """A turn ends here."""
        self._line.append(_End(how))
        self.advance()

    def judged(self) -> None:
        """The detector has judged a frame: the recogniser may have it. Call `advance` when the judgement is known."""
        self._judged = min(self._sent, self._judged + FRAME_SAMPLES)
        self._give(self._judged)

    def give_up(self) -> None:
        """The detector has failed at what it was given."""
        self._judged = self._sent
        self._give(self._sent)
        self.advance()

    def go_on(self) -> None:
        """The turn that has ended is dealt with."""
        self._waits = False
        self.advance()

    def release(self) -> None:
        """Give everything away at once: turns are no longer ended by hand."""
        while self._line:
            self._waits = False
            self._judged = self._sent
            self.advance()
        self._give(self._sent)

    def advance(self) -> None:
        """Go as far as the detector has come."""
        while self._line and not self._waits:
            head = self._line[0]
            if not isinstance(head, _End):
                self._line.popleft()
                self._sent += len(head)
                self._unjudged.append(head)
                self._detect(head)
            elif self._sent - self._judged < FRAME_SAMPLES:
                self._line.popleft()
                self._give(self._sent)
                self._waits = True
                self._reached(head.how)
            else:
                return

    def _give(self, until: int) -> None:
        while self._given < until:
            piece = self._unjudged.popleft()
            due = until - self._given
            if len(piece) > due:
                self._unjudged.appendleft(piece[due:])
            self._recognise(piece[:due])
            self._given += min(len(piece), due)


class _End(Generic[E]):
    def __init__(self, how: E) -> None:
        self.how = how
