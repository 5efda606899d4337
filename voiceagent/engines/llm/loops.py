"""Noticing that a model has begun to repeat itself. Pure."""

import re
from collections import deque

from voiceagent.text.words import UNSPACED

_UNSPACED = re.compile(f"[{UNSPACED}]")
TIMES = 4
"""A phrase may come three times: that is a refrain."""
WORDS, LONGEST_PHRASE = 13, 40
"""A single word may come twelve times (a long number, a laugh). Small models repeat whole sentences, and a spoken one
is seldom longer."""
SIGNS, LONGEST_PATTERN = 64, 8
"""Signs, blanks and letters without a space between: longer than any rule of a table."""


class _Runs:
    """Finds that the last items repeat the ones before, with any period up to `longest`, `least` items in all."""

    def __init__(self, longest: int, least: int) -> None:
        self._last: deque[str] = deque(maxlen=longest)
        self._same = [0] * (longest + 1)
        """By period, how many items in a row were the same as the one a period before."""
        self._enough = [0] + [period * (max(TIMES, -(-least // period)) - 1) for period in range(1, longest + 1)]

    def add(self, item: str) -> bool:
        """Take an item; return whether it completes a loop."""
        found = False
        for period, past in enumerate(reversed(self._last), 1):
            self._same[period] = self._same[period] + 1 if past == item else 0
            found = found or self._same[period] >= self._enough[period]
        self._last.append(item)
        return found


class LoopCut:
    """Takes a reply in pieces and ends it where a phrase has come for the fourth time."""

    def __init__(self) -> None:
        self.found = False
        self._word = ""
        self._words = _Runs(LONGEST_PHRASE, WORDS)
        self._signs = _Runs(LONGEST_PATTERN, SIGNS)

    def feed(self, text: str) -> str:
        """Return the text, up to the end of a loop."""
        for index, char in enumerate(text):
            apart = _UNSPACED.match(char)
            within = not apart and (char.isalnum() or char == "_")
            if self._word and not within:
                word, self._word = self._word, ""
                if self._words.add(word):
                    self.found = True
                    return text[: index + (not apart and not char.isspace())]  # with the mark after the word
            self._word += char if within else ""
            if (apart and self._words.add(char)) or self._signs.add(char):
                self.found = True
                return text[: index + 1]
        return text
