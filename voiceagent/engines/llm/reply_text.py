"""From a model's tokens to speakable text: whole characters, no thinking, no endless loops. Pure."""

import codecs
import re
from collections.abc import Sequence

_OPEN, _CLOSE = "<think>", "</think>"

LONGEST_LOOP = 40
"""Tokens: small models repeat whole sentences, and a spoken sentence is seldom longer."""


class ReplyText:
    """Turns the bytes of one reply's tokens into its visible text.

    Half characters and possible tags are held back; bytes that are not UTF-8 are left out. `thinking` means that the
    prompt already opened a thought. The text ends before the first of `stops` outside a thought.
    """

    def __init__(self, *, thinking: bool = False, stops: tuple[str, ...] = ()) -> None:
        self.stopped = False
        """Whether a stop string has arrived."""
        self._marks = (_OPEN, _CLOSE, *stops)
        self._split = re.compile(f"({'|'.join(map(re.escape, self._marks))})").split
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._thinking = thinking
        self._held = ""
        self._begun = False
        self._raw = bytearray()

    @property
    def raw(self) -> str:
        """All text fed so far, thinking and tags included."""
        return self._raw.decode("utf-8", "ignore")

    def feed(self, piece: bytes) -> str:
        """Take a token's bytes and return the text that is certain now."""
        self._raw += piece
        *parts, last = self._split(self._held + self._decoder.decode(piece))
        whole = len(last) - self._unfinished(last)
        self._held = last[whole:]
        shown = ""
        for part in (*parts, last[:whole]):
            if part in (_OPEN, _CLOSE):
                self._thinking = part == _OPEN
            elif not self._thinking and part in self._marks:
                self.stopped, self._held = True, ""
                break
            elif not self._thinking:
                shown += part
        return self._trimmed(shown)

    def finish(self) -> str:
        """Return what was held back and turned out to be text."""
        rest, self._held = self._held, ""
        return "" if self._thinking else self._trimmed(rest)

    def _trimmed(self, text: str) -> str:
        """Drop white space before the first word: templates close an empty thought with blank lines."""
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        return text

    def _unfinished(self, text: str) -> int:
        """Return how many characters at the end may be the beginning of a tag or a stop string."""
        longest = min(len(text), max(map(len, self._marks)) - 1)
        lengths = range(longest, 0, -1)
        return next((n for n in lengths if any(mark.startswith(text[-n:]) for mark in self._marks)), 0)


def is_loop(tokens: Sequence[int]) -> bool:
    """Return whether a reply has begun to repeat itself.

    A phrase may occur three times (a refrain), a single token twelve times (a long number, a laugh).
    """
    for period in range(1, min(LONGEST_LOOP, len(tokens) // 4) + 1):
        tail = tokens[-period * max(4, -(-13 // period)) :]
        if len(tail) >= 13 and tail[:-period] == tail[period:]:
            return True
    return False
