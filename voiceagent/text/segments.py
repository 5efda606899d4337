"""Cutting a reply, while it is being written, into the segments that are handed to the voice.

The first segment is short, because the user is waiting in silence: it ends at the first sentence end with two
words before it, else at the first clause end after `first_min_tokens`, else at a word boundary at
`first_max_tokens`. Later segments are sentences or lines; audio is playing by then, so there is time to be right.
No cut in mid-sentence parts what is said as one ("9 a.m.", a telephone number), if there is any other place for it
(`partings.py`); for that, the first segment may wait for a few tokens more.

Latency against error: a mark at the very end of the text so far can only be judged by the next token, which costs
about 15 ms on a laptop. The first segment does not wait where the mark is nearly certain ("!", "?", a full stop
after an ordinary word); later segments always wait, so they do not depend on how the text was cut into deltas.

The segments put together are the text exactly, blanks at its end apart. A segment may hold half of a markdown
construct, or nothing to be spoken: `speakable` copes with both, and returns "" for the latter.
"""

import re
from collections.abc import Iterable
from itertools import islice

from voiceagent.text.boundaries import clause_ends, sentence_ends
from voiceagent.text.language import Language
from voiceagent.text.languages import language as find
from voiceagent.text.partings import parts_well
from voiceagent.text.words import UNSPACED, words

FIRST_MIN_WORDS = 2
# A sentence longer than this is spoken in parts (about 20 s of speech, and within any voice's input limit).
MAX_CHARACTERS = 320
# Text beyond that limit that is awaited, so that a sentence end just within it can still be judged.
LOOK_AHEAD = 40
# Tokens that the first segment waits for a good place to end: as many as a telephone number is long.
_LONGEST_UNIT = 24
_MOST_TRIED = 30

_WORD_END = re.compile(rf"(?<=\S)(?=\s)|(?<=[{UNSPACED}])(?=\w)")


class Segmenter:
    """Turns the deltas of one reply into segments. One Segmenter for each reply."""

    def __init__(self, first_min_tokens: int = 10, first_max_tokens: int = 24, language: str | Language = "en") -> None:
        if not 1 <= first_min_tokens <= first_max_tokens:
            raise ValueError(
                f"need 1 <= first_min_tokens ({first_min_tokens}) <= first_max_tokens ({first_max_tokens})"
            )
        self._limits = (first_min_tokens, first_max_tokens, first_max_tokens + _LONGEST_UNIT)
        self._language = find(language)
        self._tokens = 0
        self._marks: dict[int, int] = {}
        """Where in the pending text each limit was reached: the least, the most, and the most for a good place."""
        self._first = True
        self._blank = ""
        self._pending = ""
        """The text not handed out yet; it begins with no white space, which waits in `_blank`."""

    def push(self, delta: str, tokens: int = 1) -> list[str]:
        """Take more of the reply, `tokens` long; return the segments it completes (usually none)."""
        self._append(delta)
        for limit in self._limits:
            if self._tokens < limit <= self._tokens + tokens:
                unread = len(delta) * (self._tokens + tokens - limit) // tokens
                self._marks[limit] = max(0, len(self._pending) - unread)
        self._tokens += tokens
        segments = []
        while cut := self._cut():
            segments.append(self._take(cut))
        return segments

    def flush(self) -> list[str]:
        """Return what is left at the reply's end: at most one segment."""
        return [self._take(len(self._pending))] if self._pending else []

    def _append(self, delta: str) -> None:
        if not self._pending:
            stripped = delta.lstrip()
            self._blank += delta[: len(delta) - len(stripped)]
            delta = stripped
        self._pending += delta

    def _take(self, cut: int) -> str:
        segment, rest = self._blank + self._pending[:cut], self._pending[cut:]
        self._blank = self._pending = ""
        self._append(rest)
        self._first = False
        return segment

    def _cut(self) -> int:
        """Return where the pending text is to be cut now; 0 for nowhere yet."""
        window = self._pending[: MAX_CHARACTERS + LOOK_AHEAD + 1]
        if self._first:
            return self._cut_first(window)
        end = next(sentence_ends(window, self._language), None)
        if end is not None and end <= MAX_CHARACTERS:
            return end
        return self._cut_anywhere(window)

    def _cut_first(self, window: str) -> int:
        at_least, at_most, at_last = (self._marks.get(limit) for limit in self._limits)
        longest = MAX_CHARACTERS if at_most is None else min(at_most, MAX_CHARACTERS)
        beyond = 0
        for end in sentence_ends(window, self._language, eager=True):
            if len(words(window[:end])) >= FIRST_MIN_WORDS:
                if end <= longest:
                    return end
                beyond = beyond or (end if end <= MAX_CHARACTERS else 0)
        if at_least is not None:
            for end in clause_ends(window, self._language, eager=True):
                if at_least <= end <= longest and parts_well(window, end, self._language):
                    return end
        if at_most is None:
            return self._cut_anywhere(window)
        cut = self._good_break(window, longest) or beyond or self._next_good_break(window, longest)
        if not cut and at_last is not None:
            cut = self._good_break(window, longest, strict=False)
            cut = cut or _last_break(window[:longest]) or _last_break(window[:MAX_CHARACTERS])
        return cut or self._cut_anywhere(window)

    def _cut_anywhere(self, window: str) -> int:
        """Return where to cut text that is too long, 0 if it is not: at a break within the limit, else at the limit."""
        if len(window) <= MAX_CHARACTERS + LOOK_AHEAD:
            return 0
        for strict in (True, False):
            if cut := self._good_break(window, MAX_CHARACTERS, strict=strict):
                return cut
        return _last_break(window[:MAX_CHARACTERS]) or MAX_CHARACTERS

    def _good_break(self, window: str, limit: int, *, strict: bool = True) -> int:
        """Return the last clause end in the second half before the limit, else the last word's end, that parts well."""
        clauses = [end for end in clause_ends(window[:limit], self._language) if 2 * end > limit]
        return self._first_good(window, [*clauses[::-1], *_word_ends(window[:limit])[::-1]], strict=strict)

    def _next_good_break(self, window: str, limit: int) -> int:
        return self._first_good(window, [end for end in _word_ends(window[:MAX_CHARACTERS]) if end > limit])

    def _first_good(self, window: str, breaks: Iterable[int], *, strict: bool = True) -> int:
        tried = islice(breaks, _MOST_TRIED)
        good = (end for end in tried if parts_well(window, end, self._language, strict=strict))
        return next(good, 0)


def _word_ends(text: str) -> list[int]:
    return [found.start() for found in _WORD_END.finditer(text) if found.start()]


def _last_break(text: str) -> int:
    return max(_word_ends(text), default=0)
