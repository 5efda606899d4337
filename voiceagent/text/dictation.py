"""What is said piece by piece, and what its speaker is asked: digits, letters, names; questions; fillers.

Three judgements of turn taking about a text. All are pure and never raise on any string; what words mean is the
language's to say (`language.py`).
"""

import re

from voiceagent.text.language import Language
from voiceagent.text.languages import language as find
from voiceagent.text.words import normalise, words

_MARKS = re.compile(r"^\W+|\W+$")
_SENTENCES = re.compile(r"(?<=[.!?…。！？؟])\s+")
_QUESTION = re.compile(r"[?？؟]\W*$")
LOOKED_AT = 400
"""Characters of a text's end that are looked at."""


def last_sentence(text: str) -> str:
    """Return the last sentence of a text."""
    return _SENTENCES.split(text[-LOOKED_AT:].strip())[-1]


def is_question(text: str) -> bool:
    """Return whether a text ends in a question."""
    return _QUESTION.search(text) is not None


def asks_to_dictate(text: str, language: str | Language = "en") -> bool:
    """Return whether the last sentence of a text names what is dictated: a number, a code, a name."""
    known = find(language)
    return known.dictated.search(normalise(last_sentence(text), known)) is not None


def is_dictated(text: str, language: str | Language = "en", *, share: float = 1.0) -> bool:
    """Return whether a text is nothing but digits and letters ("5 5 5", "Five, oh", "B. C."). False for no words.

    A smaller `share` of its words lets others be among them, which a recogniser makes of letters ("B. wives.").
    """
    digits = find(language).digits
    spoken = _spoken(text)
    return bool(spoken) and sum(_is_piece(one, digits) for one in spoken) >= share * len(spoken)


def is_single(text: str, language: str | Language = "en") -> bool:
    """Return whether a text is one digit or letter."""
    spoken = _spoken(text)
    return len(spoken) == 1 and (len(spoken[0]) == 1 or spoken[0] in find(language).digits)


def is_filler(text: str, language: str | Language = "en") -> bool:
    """Return whether the speaker is still thinking: the text ends in a filler ("um", "let me see")."""
    known = find(language)
    return known.fillers.fullmatch(normalise(text[-LOOKED_AT:], known)) is not None


def _spoken(text: str) -> list[str]:
    return [_MARKS.sub("", word).casefold() for word in words(text)]


def _is_piece(piece: str, digits: frozenset[str]) -> bool:
    """Return whether this is a digit, a letter, or several of either that were written together ("55", "B-C")."""
    return piece in digits or all(len(part) == 1 or part.isdigit() for part in re.split(r"[-.]", piece))
