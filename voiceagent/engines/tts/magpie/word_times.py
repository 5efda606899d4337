"""When each word is spoken, from the token that each decoding step attends to.

A word is reported with the audio in which it begins, when its end is often unknown: the end is then estimated, and
never lies beyond what has been decoded.
"""

from collections.abc import Sequence

from voiceagent.audio.speech import Word

LETTER_S = 0.07
"""Usual duration per letter, for a word's end until the next word begins."""


class WordTimes:
    """The words of one segment and the times, in seconds from its beginning, at which they begin."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = tuple(words)
        self._begun: list[float] = []
        self._reported = 0

    def reach(self, count: int, start_s: float, end_s: float) -> None:
        """Note that `count` words had begun in what was decoded from `start_s` to `end_s`.

        Words that the attention passed over share that time.
        """
        new = min(count, len(self._words)) - len(self._begun)
        self._begun += [start_s + (end_s - start_s) * number / max(new, 1) for number in range(new)]

    def take(self, until_s: float, decoded_s: float) -> tuple[Word, ...]:
        """Return the words that begin before `until_s`, the start of the next piece; `decoded_s` is the end of all."""
        taken = []
        while self._reported < len(self._begun) and self._begun[self._reported] < until_s:
            word, start_s = self._words[self._reported], self._begun[self._reported]
            self._reported += 1
            if self._reported < len(self._begun):
                end_s = self._begun[self._reported]
            else:
                end_s = min(decoded_s, start_s + LETTER_S * max(2, len(word)))
            taken.append(Word(word, start_s, end_s))
        return tuple(taken)

    def finish(self, from_s: float, end_s: float) -> tuple[Word, ...]:
        """Return the words left for the last piece, which begins at `from_s`; the last word ends at `end_s`."""
        first_s = max(from_s, self._begun[-1] if self._begun else 0.0)
        new = len(self._words) - len(self._begun)
        shared = 1 if self._reported < len(self._begun) else 0  # the word being spoken keeps a share
        share_s = (end_s - first_s) / max(new + shared, 1)
        self._begun += [first_s + share_s * (number + shared) for number in range(new)]
        starts = [*self._begun[self._reported :], end_s]
        return tuple(
            Word(word, start, end)
            for word, start, end in zip(self._words[self._reported :], starts, starts[1:], strict=False)
        )
