"""Telling what the agent said from what the user said over it, by the words that a recogniser heard. Pure.

A line without echo cancellation gives the agent's voice back, and the recogniser writes it down as it would anybody's:
cut short, misheard here and there, with the user's words among them. What stands in the order in which it was spoken,
letter by letter, is the agent's.
"""

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

from voiceagent.text import normalise, words

RUN = 3
"""Fewer letters in common, blanks included, are chance."""
SHORT, LONG = 0.8, 0.6
"""The share of its letters by which a word of at most five letters, or a longer one, is known again."""
WHOLE = 3
"""Words up to this length are known again only as a whole: "no" is no piece of "now"."""
AHEAD = 40
"""Letters beyond three times what was said: what is heard after them is not looked at, and is the user's."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was heard, compared with what the agent said."""

    words: tuple[tuple[str, bool], ...]
    """Each with whether it is the agent's."""
    share: float
    """The share of the letters that are."""
    begins_at: int
    """Letters of what was said before the first that was heard."""

    @property
    def others(self) -> str:
        """The words that are not the agent's."""
        return " ".join(word for word, own in self.words if not own)

    @property
    def longest_other(self) -> int:
        """How many words in a row are not the agent's, at most."""
        return max((len(list(run)) for own, run in groupby(own for _, own in self.words) if not own), default=0)


def compare(heard: str, said: str, language: str) -> Comparison:
    """Find what the agent said in what was heard."""
    target = _plain(said, language)
    found = words(heard)
    spans, text = [], " "
    for word in found:
        plain = normalise(word, language)
        spans.append((len(text), len(text) + len(plain)))
        text += f"{plain} "
    covered = [False] * len(text)
    text = text[: 3 * len(target) + AHEAD]
    begins_at = len(target)
    for block in SequenceMatcher(None, text, target, autojunk=False).get_matching_blocks():
        if block.size >= RUN:
            covered[block.a : block.a + block.size] = [True] * block.size
            begins_at = min(begins_at, block.b)
    known = [_is_known(covered, *span) for span in spans]
    letters = sum(end - start for start, end in spans)
    own = sum(end - start for (start, end), mine in zip(spans, known, strict=True) if mine)
    return Comparison(tuple(zip(found, known, strict=True)), own / letters if letters else 0.0, begins_at)


def _plain(text: str, language: str) -> str:
    return f" {normalise(text, language)} "


def _is_known(covered: list[bool], start: int, end: int) -> bool:
    length = end - start
    if length <= WHOLE:
        return all(covered[start - 1 : end + 1])
    return sum(covered[start:end]) >= (SHORT if length <= 5 else LONG) * length
