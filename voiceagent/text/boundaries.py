"""Where text may be cut: sentence ends and clause ends, found in text that is still being written.

Pure functions over the text so far. A position is reported once no later text can change it, so the answer does
not depend on how the text arrived; `eager` gives up this certainty at the very end of the text for one token's
time. Knows the marks of all scripts, but no language that writes none (Thai).
"""

import re
from collections.abc import Iterator
from functools import cache

from voiceagent.text.language import Language
from voiceagent.text.languages import language as find

_CLOSERS = r"[\"'”’»)\]}*_~`」』）】》]*+"
_WIDE_STOPS = "。！？｡"
_STOPS = rf"[.!?…‼⁇⁈⁉؟۔।॥{_WIDE_STOPS}]++"
# Marks count before a blank, a symbol, an emoji or an unspaced script, and wide ones anywhere: not in "3.14", "a.b".
_SENTENCE_END = re.compile(rf"\n|({_STOPS})({_CLOSERS})(?:(?=[\s\u2190-\U0010ffff]|$)|(?<=[{_WIDE_STOPS}」』）】》]))")
_FINAL_MARKS = re.compile(rf"({_STOPS}){_CLOSERS}$")
_CLAUSE_MARKS = rf"(?:[,;:،]{_CLOSERS}|…|\.\.\.)(?=\s[^\s\d])|[，、；：]|[—–](?=[^\d—–])|\s-(?=\s)"
_EAGER_CLAUSE_END = re.compile(r"(?<=[^\W\d_])[,;]$")

# Bounded, so that a decision never depends on distant text.
_NEXT_WORD = re.compile(r"\s{0,8}[\"'“‘(\[*_]{0,4}(\w{0,12})")
_LAST_WORD = re.compile(r"\S{1,30}$")
_OPENERS = "\"'“‘«([{*_~`¿¡"
_LIST_MARKER = re.compile(r"(?:[0-9]{1,3}|[A-Za-z])")
_INITIAL = re.compile(r"[^\W\d_]")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_PLAIN = re.compile(r"[A-Za-z][a-z'’]{2,}")
_SECOND_NAME = re.compile(r"\s[^\W\d_a-z]\w+\s$")
# Where ".py" or ".com" may be the next token.
_BEFORE_SUFFIX = re.compile(
    r"(?i)\b(?:files?|scripts?|modules?|web ?sites?|sites?|domains?|urls?|links?|e-?mails?|visit|datei|skript|webseite"
    r"|archivo|sitio|fichier|courriel)\b|\b(?:main|index|setup|config|test|utils|package|server|example|node|next)$"
)
_UNFINISHED = re.compile(r"[/@\\$=]")
_FACTORIAL = re.compile(r"(?:\$|\\\()\s?[a-z]$")
_ORDINAL = re.compile(r"[0-9]{1,2}|[IVXL]{1,8}")


def sentence_ends(text: str, language: Language, *, eager: bool = False) -> Iterator[int]:
    """Yield, in order, each position just after a sentence's marks (and closing quotes), or after a line break.

    Stops at the first place that only more text can decide. With `eager`, a mark at the very end of the text
    counts when it hardly ever turns out to be something else: "!" and "?", and a full stop after an ordinary
    word, outside quotes and brackets. What then still surprises is "example." + "com".
    """
    begin = 0
    for found in _SENTENCE_END.finditer(text):
        marks, closers = found.groups(default="")
        if found.end() == len(text) and marks:
            if eager and not closers and _is_safe(text, language, begin, found.start(), marks):
                yield found.end()
            return
        verdict = True if not marks else _ends(text, language, begin, found)
        if verdict is None:
            return
        if verdict:
            begin = found.end()
            yield begin


def clause_ends(text: str, language: Language, *, eager: bool = False) -> Iterator[int]:
    """Yield each position just after a comma, semicolon, colon, dash or ellipsis, or just before a conjunction."""
    for found in _clause_end(language.conjunctions).finditer(text):
        yield found.end()
    if eager and (last := _EAGER_CLAUSE_END.search(text, max(0, len(text) - 2))):
        yield last.end()


def ends_sentence(segment: str, language: str | Language = "en") -> bool:
    """Return whether a segment ends a sentence or a line, so that a pause belongs after it."""
    text = segment.rstrip()
    if "\n" in segment[len(text) :]:
        return bool(text)
    tail = _FINAL_MARKS.search(text, max(0, len(text) - 40))
    if tail is None or _is_ellipsis(tail[1]):
        return False
    return tail[1] != "." or not _leads(text, find(language), 0, tail.start())


@cache
def _clause_end(conjunctions: tuple[str, ...]) -> re.Pattern[str]:
    before = rf"|(?<=\S)(?=\s(?:{'|'.join(map(re.escape, conjunctions))})\s)" if conjunctions else ""
    return re.compile(_CLAUSE_MARKS + before)


def _ends(text: str, language: Language, begin: int, found: re.Match[str]) -> bool | None:
    """Judge the marks that were found, which more text follows; None: more of it is needed."""
    marks, closers = found.groups(default="")
    start, end = found.span()
    if any(mark in _WIDE_STOPS for mark in marks) or not text[end].isspace():
        return True
    if _is_ellipsis(marks) or (marks == "!" and _FACTORIAL.search(text, max(begin, start - 5), start)):
        return False
    word = _last_word(text, begin, start) if marks == "." else ""
    if (word and _leads(text, language, begin, start)) or _is_list_marker(text, begin, start, word):
        return False
    abbreviated = word in language.trailing or bool(_INITIAL.fullmatch(word) or _DOTTED.fullmatch(word))
    abbreviated = abbreviated or (language.dotted_ordinals and bool(_ORDINAL.fullmatch(word)))
    if not (abbreviated or closers or word.lower() == "no"):
        return True
    ahead = _NEXT_WORD.match(text, end)
    assert ahead is not None  # Every part of the pattern is optional.
    upcoming = ahead[1]
    if "\n" in ahead[0]:
        return True
    if ahead.end() == len(text) and (abbreviated or not upcoming):
        return None
    if abbreviated:
        another_initial = len(upcoming) == 1 and text[ahead.end()] == "."
        return upcoming.lower() in language.starters and not (upcoming.islower() or another_initial)
    if word.lower() == "no":
        return not upcoming[:1].isdigit()
    return not upcoming[:1].islower()


def _is_safe(text: str, language: Language, begin: int, start: int, marks: str) -> bool:
    """Return whether marks at the very end of the text may be taken for a sentence end without seeing more."""
    sentence = text[begin:start]
    if sentence.count('"') % 2 or any(sentence.count(a) > sentence.count(b) for a, b in ("()", "[]", "“”", "「」")):
        return False
    word = _last_word(text, begin, start)
    if _UNFINISHED.search(word):
        return False
    if marks != ".":
        return not _is_ellipsis(marks)
    if _BEFORE_SUFFIX.search(sentence, max(0, len(sentence) - 60)):
        return False
    return bool(_PLAIN.fullmatch(word)) and not (word in language.leading or word in language.trailing)


def _leads(text: str, language: Language, begin: int, end: int) -> bool:
    """Return whether the word before the full stop is an abbreviation that belongs to the next word: no "Elm Dr."."""
    word = _last_word(text, begin, end)
    if word not in language.leading:
        return False
    name = _SECOND_NAME.search(text, max(begin, end - len(word) - 30), end - len(word))
    return word not in language.trailing or name is None or name[0].strip().lower() in language.starters


def _is_ellipsis(marks: str) -> bool:
    return marks != "." and not marks.strip(".…")


def _last_word(text: str, begin: int, end: int) -> str:
    found = _LAST_WORD.search(text, max(begin, end - 30), end)
    return found[0].lstrip(_OPENERS) if found else ""


def _is_list_marker(text: str, begin: int, start: int, word: str) -> bool:
    """Return whether the word before the full stop is "1" or "a" at the start of a line: a list's numbering."""
    line = text[max(begin, text.rfind("\n", begin, start) + 1) : start]
    return bool(_LIST_MARKER.fullmatch(word)) and line.strip().lstrip(_OPENERS) == word
