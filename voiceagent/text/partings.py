"""Where text may be parted in mid-sentence without being said otherwise: not in "9 a.m.", "$1.5 million", "Elm Dr.".

Numbers and signs keep their neighbours, and an abbreviation its next word. Beyond that the language's own readings are
asked: a place will do if both parts are said as the whole is, with what follows as far as it is known, and with what
may follow ("your code is" changes how a number is read).
"""

import re
from functools import lru_cache

from voiceagent.text.language import Language
from voiceagent.text.speakable import speakable

# What decides is near.
_REACH = 70
_WORD_BEFORE = re.compile(r"(\S+)\s*(?:\s[-–—]+\s*)?$")
_WORD_AFTER = re.compile(r"\s*(?:[-–—]+\s+)?(\S*)(\s?)")
_CLAUSE_MARK = re.compile(r"[,;:，、；：]$")
_NUMERIC = re.compile(r"[^\w\s]*(?:\d|$)|[^\w\s]*[$€£¥₹]|[IVXLC]{2,}\b")
_ABBREVIATED = re.compile(r"(?<!\.)\.[\"'”’)\]]*$")
_DASH = re.compile(r"\s[-–—]\s*$")
_OPEN_FORMULA = re.compile(r"(?<![\w$])\$(?:[^\s$\d]|\d[^\s$]*[\\^_=+])[^$]*$|\\[(\[](?:(?!\\[)\]]).)*$|\{[^{}]*$")
_NUMBER = " 4471982."
_NOUN = " loan."
_AFTER_DASH = (" Friday.", " June 5.", " IX.")


def parts_well(text: str, cut: int, language: Language) -> bool:
    """Return whether text[:cut] and text[cut:] are said as text is, whatever comes after it."""
    left, right = text[max(0, cut - _REACH) : cut], text[cut : cut + _REACH]
    left = left if cut <= _REACH else left.partition(" ")[2] or left
    if not _looks_free(left, right):
        return False
    followers = [right, _NUMBER]
    if any(character.isdigit() for character in left[-30:]):
        followers.append(_NOUN)
    if _DASH.search(left):
        followers += _AFTER_DASH
    return all(_said(left + after, language) == _said(left, language) + _said(after, language) for after in followers)


def _looks_free(left: str, right: str) -> bool:
    before, after = _WORD_BEFORE.search(left), _WORD_AFTER.match(right)
    if before is None or after is None or _OPEN_FORMULA.search(left):
        return False
    last, following = before[1], after[1]
    marked = _CLAUSE_MARK.search(last) is not None
    if _ABBREVIATED.search(last) or (_NUMERIC.match(last) and not marked):
        return False
    if not following:
        return marked
    known = bool(after[2]) or marked or following[0].islower() or not following[0].isascii()
    return known and not _NUMERIC.match(following)


@lru_cache(64)
def _said(text: str, language: Language) -> list[str]:
    return re.findall(r"\w+", speakable(text, language).lower())
