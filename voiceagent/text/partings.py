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
# What may follow, and be said otherwise for what stands before it.
_NUMBER = " 47119."
_NOUN = " loan."
_NUMERAL = " LVIII."
_AFTER_DASH = (" Friday.", " June 5.", " IX.")


def parts_well(text: str, cut: int, language: Language, *, strict: bool = True) -> bool:
    """Return whether text[:cut] and text[cut:] are said as text is, whatever comes after it.

    Unless `strict`, a number may begin the second part, if it is not said otherwise as far as it is known.
    """
    left, right = text[max(0, cut - _REACH) : cut], text[cut : cut + _REACH]
    left = left if cut <= _REACH else left.partition(" ")[2] or left
    following = _free_follower(left, right, language, strict=strict)
    if following is None:
        return False
    followers = [right] if following in language.conjunctions else [right, _NUMBER]
    if following.isalpha():
        followers.append(f" {following}{_NUMBER}")
        if following.istitle():
            followers.append(f" {following}{_NUMERAL}")
    if any(character.isdigit() for character in left[-30:]):
        followers.append(_NOUN)
    if _DASH.search(left):
        followers += _AFTER_DASH
    return all(
        words_said(left + after, language) == words_said(left, language) + words_said(after, language)
        for after in followers
    )


def _free_follower(left: str, right: str, language: Language, *, strict: bool) -> str | None:
    """Return the word after the cut ("": not yet known), None if it or the one before must keep its neighbour."""
    before, after = _WORD_BEFORE.search(left), _WORD_AFTER.match(right)
    if before is None or after is None or _OPEN_FORMULA.search(left):
        return None
    last, following = before[1], after[1]
    marked = _CLAUSE_MARK.search(last) is not None
    joined = bool(after[2]) and following in language.conjunctions
    if _ABBREVIATED.search(last) or (_NUMERIC.match(last) and not (marked or joined)):
        return None
    if not following:
        return "" if marked else None
    known = bool(after[2]) or marked or following[0].islower() or not following[0].isascii()
    bound = _NUMERIC.match(following) and (strict or not (marked or last.isalpha()))
    return following if known and not bound else None


@lru_cache(64)
def words_said(text: str, language: Language) -> list[str]:
    """Return the words that a text is said in, in small letters."""
    return re.findall(r"\w+", speakable(text, language).lower())
