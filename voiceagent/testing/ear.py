"""What a listener hears of the agent: which words, when, how long answers are waited for, and where they break off.

Uses the audio that is pulled and the session's reports, like a person who listens and reads along.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voiceagent.session.reports import (
    AgentPaused,
    AgentResumed,
    Report,
    ResponseEnded,
    SegmentAnnounced,
    WordHeard,
)

AUDIBLE = 0.01
"""Amplitude from which a frame is heard."""
HEARD_SILENCE_S = 0.1
"""A silence in mid-response counts from here on, beyond the pause that is meant to be between sentences."""


@dataclass(slots=True)
class Sound:
    """A stretch of sound without a silent frame in it, in seconds on the event loop's clock."""

    start: float
    end: float


@dataclass(slots=True)
class Words:
    """The words of one response."""

    announced: list[str] = field(default_factory=list)
    """Those that were about to be spoken, in order."""
    begins: dict[int, int] = field(default_factory=dict)
    """Where each segment begins among them."""
    heard: int = 0


class Ear:
    """One listener."""

    def __init__(self, frame_s: float, sentence_pause_s: float) -> None:
        self.sounds: list[Sound] = []
        self.waits_s: list[float] = []
        """Seconds from the end of each utterance that was answered to the answer's first sound."""
        self.silences_s: list[float] = []
        """Seconds of each silence in mid-response, beyond the pause that is meant to be between sentences."""
        self.audible = False
        """Whether the newest frame was heard."""
        self.asked_at: float | None = None
        """When the utterance ended that is not answered yet."""
        self.ended = 0
        """How many responses have ended."""
        self._frame_s = frame_s
        self._pause_s = sentence_pause_s
        self._words: dict[int, Words] = {}
        self._silent_since: float | None = None
        self._speaking = self._paused = False
        """Whether the agent is in the middle of a response, and whether it has paused because of the caller."""

    @property
    def heard(self) -> str:
        """The words that were heard, as they are spoken."""
        return " ".join(word for words in self._words.values() for word in words.announced[: words.heard])

    @property
    def said(self) -> str:
        """All the words that were announced to be spoken, heard or not."""
        return " ".join(word for words in self._words.values() for word in words.announced)

    def clear(self) -> None:
        """Forget what was heard, for long runs."""
        self.sounds.clear()
        self.waits_s.clear()
        self.silences_s.clear()
        self._words.clear()

    def hear(self, frames: NDArray[np.float32], now: float) -> None:
        """Take what was pulled at `now`."""
        self.audible = bool(np.abs(frames).max() > AUDIBLE)
        if not self.audible:
            if self._silent_since is None and self._speaking and not self._paused:
                self._silent_since = now
            return
        if self.sounds and now - self.sounds[-1].end < self._frame_s / 2:
            self.sounds[-1].end = now + self._frame_s
        else:
            self.sounds.append(Sound(now, now + self._frame_s))
        if self.asked_at is not None:
            self.waits_s.append(now - self.asked_at)
            self.asked_at = None
        elif self._silent_since is not None:
            beyond_s = now - self._silent_since - self._pause_s
            if beyond_s > HEARD_SILENCE_S:
                self.silences_s.append(beyond_s)
        self._silent_since = None

    def take(self, report: Report) -> None:
        """Take what the session reports."""
        match report:
            case SegmentAnnounced(generation, segment, announced):
                words = self._words.setdefault(generation, Words())
                words.begins[segment] = len(words.announced)
                words.announced += announced
            case WordHeard(generation, segment, index):
                self._speaking = True
                if (known := self._words.get(generation)) is not None:
                    known.heard = known.begins[segment] + index + 1
            case AgentPaused():
                self._paused, self._silent_since = True, None
            case AgentResumed():
                self._paused = False
            case ResponseEnded(generation, _, heard_words):
                if (known := self._words.get(generation)) is not None:
                    known.heard = heard_words
                self._speaking = self._paused = False
                self._silent_since = None
                self.ended += 1
