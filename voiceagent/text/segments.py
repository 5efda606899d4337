"""Cutting a reply, while it is being written, into the segments that are handed to the voice.

The first segment is short, because the user is waiting in silence: it ends at the first sentence end with two
words before it, else at the first clause end after `first_min_tokens`, else at a word boundary at
`first_max_tokens`. Later segments are sentences or lines; audio is playing by then, so there is time to be right.

Latency against error: a mark at the very end of the text so far can only be judged by the next token, which costs
about 15 ms on a laptop. The first segment does not wait where the mark is nearly certain ("!", "?", a full stop
after an ordinary word); later segments always wait, so they do not depend on how the text was cut into deltas.

The segments put together are the text exactly, blanks at its end apart. A segment may hold half of a markdown
construct, or nothing to be spoken: `speakable` copes with both, and returns "" for the latter.
"""

import re

from voiceagent.text.boundaries import clause_ends, sentence_ends
from voiceagent.text.language import Language
from voiceagent.text.languages import language as find
from voiceagent.text.words import UNSPACED, words

FIRST_MIN_WORDS = 2
# A sentence longer than this is spoken in parts (about 20 s of speech, and within any voice's input limit).
MAX_CHARACTERS = 320
# Text beyond that limit that is awaited, so that a sentence end just within it can still be judged.
LOOK_AHEAD = 40

_WORD_END = re.compile(rf"(?<=\S)(?=\s)|(?<=[{UNSPACED}])(?=\w)")


class Segmenter:
    """Turns the deltas of one reply into segments. One Segmenter for each reply."""

    def __init__(
        self, first_min_tokens: int = 10, first_max_tokens: int = 24, language: str | Language = "en"
    ) -> None:
        if not 1 <= first_min_tokens <= first_max_tokens:
            raise ValueError(
                f"need 1 <= first_min_tokens ({first_min_tokens}) <= first_max_tokens ({first_max_tokens})"
            )
        self._limits = (first_min_tokens, first_max_tokens)
        self._language = find(language)
        self._tokens = 0
        self._marks: dict[int, int] = {}
        """Where in the pending text each of the two limits was reached."""
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
        window = self._pending[: 2 * MAX_CHARACTERS]
        if self._first:
            return self._cut_first(window)
        end = next(sentence_ends(window, self._language), None)
        if end is not None and end <= MAX_CHARACTERS:
            return end
        return self._cut_anywhere(window) if len(window) > MAX_CHARACTERS + LOOK_AHEAD else 0

    def _cut_first(self, window: str) -> int:
        at_least, at_most = (self._marks.get(limit) for limit in self._limits)
        longest = MAX_CHARACTERS if at_most is None else min(at_most, MAX_CHARACTERS)
        for end in sentence_ends(window, self._language, eager=True):
            if end <= longest and len(words(window[:end])) >= FIRST_MIN_WORDS:
                return end
        if at_least is not None:
            for end in clause_ends(window, self._language, eager=True):
                if at_least <= end <= longest:
                    return end
        if at_most is not None:
            cut = self._last_break(window[:longest]) or self._last_break(window[:MAX_CHARACTERS])
            if cut:
                return cut
        return self._cut_anywhere(window) if len(window) > MAX_CHARACTERS + LOOK_AHEAD else 0

    def _cut_anywhere(self, window: str) -> int:
        """Return where to cut text that is too long: at its last break within the limit, else at the limit."""
        return self._last_break(window[:MAX_CHARACTERS]) or MAX_CHARACTERS

    def _last_break(self, window: str) -> int:
        """Return the last clause end in the window's second half, else the end of its last whole word, else 0."""
        clause = max(clause_ends(window, self._language), default=0)
        if 2 * clause > len(window):
            return clause
        return max((found.start() for found in _WORD_END.finditer(window)), default=0)
