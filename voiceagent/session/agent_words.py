"""What the agent says, word by word as it is heard: overheard from a session's reports. Decides nothing."""

from collections import deque
from itertools import takewhile

from voiceagent.session.reports import (
    Report,
    ResponseEnded,
    ResponseStarted,
    SegmentAnnounced,
    TextCompleted,
    WordHeard,
)
from voiceagent.text import ends_sentence

CONCLUDING_S = 1.0
"""An answer comes no sooner before a question's end than this: what was still to come was guessed."""
MOST_WORDS = 100
"""A longer last sentence is looked at from its end."""
KEPT = 60
"""Words that are kept of what was spoken."""


class AgentWords:
    """The words of one session's agent."""

    def __init__(self) -> None:
        self.generation = 0
        """The response that is being heard; 0 for none."""
        self._words: list[str] = []
        self._begins: dict[int, int] = {}
        self._heard = 0
        self._complete = False
        self._last_sentence = 0
        """How many words it has."""
        self._told = False
        self._spoken: deque[tuple[float, str]] = deque(maxlen=KEPT)

    def take(self, report: Report, at: float) -> None:
        """Take what the session reports."""
        match report:
            case ResponseStarted(generation):
                self.generation, self._words, self._begins = generation, [], {}
                self._heard, self._complete, self._told = 0, False, False
            case SegmentAnnounced(_, segment, words):
                self._begins[segment] = len(self._words)
                self._words += words
            case TextCompleted():
                self._complete = True
                earlier = self._words[-MOST_WORDS:-1]
                whole = takewhile(lambda word: not ends_sentence(f"{word} "), reversed(earlier))
                self._last_sentence = 1 + sum(1 for _ in whole)
            case WordHeard(_, segment, index):
                number = self._begins[segment] + index
                self._heard = number + 1
                self._spoken.append((at, self._words[number]))
            case ResponseEnded():
                self.generation = 0

    @property
    def text(self) -> str:
        """All that is announced of the response, as it is spoken."""
        return " ".join(self._words)

    @property
    def last_words(self) -> bool:
        """Whether no more than half of the response's last sentence is to come, and that is not told yet."""
        if not self._complete or self._told or not self.generation:
            return False
        return len(self._words) - self._heard <= (self._last_sentence + 1) // 2

    def told(self) -> None:
        """It is known that these are the last words."""
        self._told = True

    def spoken_since(self, at: float) -> str:
        """Return the words heard since then, and the one that is being spoken."""
        spoken = [word for when, word in self._spoken if when >= at]
        upcoming = self._words[self._heard : self._heard + 1] if self.generation else []
        return " ".join((*spoken, *upcoming))
