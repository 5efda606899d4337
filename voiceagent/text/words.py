"""Words: what the session asks of a transcript, and how two texts are compared.

`words` splits text as it is written; `normalise` and `word_error_rate` compare what was said with what was
heard; `is_backchannel` and `looks_finished` are the two quick judgements that turn taking makes about a
transcript. All are pure, never raise on any string, and take time in proportion to its length (the error rate:
to the product of the lengths over the machine's word size, half a second for two texts of 100 kB).

What words mean is the language's to say (`language.py`): without tables for it, no transcript is a backchannel, and
one is finished when its last mark says so. Scripts that write no spaces count each character as a word.
"""

import re
import unicodedata

from voiceagent.text.language import Language
from voiceagent.text.languages import language as find

# Scripts without spaces between words: kana, Han, and the compatibility and supplementary Han blocks.
UNSPACED = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"

_WORD = re.compile(rf"[{UNSPACED}][^\w\s]*|[^\s{UNSPACED}]+")
_SPOKEN = re.compile(r"\w")
_NOT_A_WORD = re.compile(r"[\W_]+")
# What is dropped without a gap: the apostrophe of "it's" and the stops of "p.m.".
_INSIDE_WORD = re.compile(r"(?<=\w)['’](?=\w)|(?<=\b\w)\.(?=\w\b)")
# Spellings of one spoken word, so that a difference between them is not counted as an error.
_SAME_WORD = {"okay": "ok", "alright": "all right", "mr": "mister", "mrs": "missus", "dr": "doctor"}


def words(text: str) -> list[str]:
    """Return the words of a text as written, punctuation attached; marks on their own are not words."""
    return [word for word in _WORD.findall(text) if _SPOKEN.search(word)]


def normalise(text: str, language: str | Language = "en") -> str:
    """Return the text for comparison: lower case, no punctuation, numerals spelled, single spaces."""
    text = unicodedata.normalize("NFKC", find(language).read(text)).casefold()
    text = _NOT_A_WORD.sub(" ", _INSIDE_WORD.sub("", text))
    text = re.sub(rf"([{UNSPACED}])", r" \1 ", text)
    return " ".join(_SAME_WORD.get(word, word) for word in text.split())


def word_error_rate(reference: str, hypothesis: str, language: str | Language = "en") -> tuple[int, int]:
    """Return (errors, reference words): the fewest substitutions, deletions and insertions between the two.

    The pair adds up over many utterances; divide at the end. Both texts are normalised first. The edit
    distance is computed a column at a time in the bits of one integer (Myers 1999, Hyyrö 2003).
    """
    target, spoken = (normalise(text, language).split() for text in (reference, hypothesis))
    if not target:
        return len(spoken), 0
    places: dict[str, int] = {}
    for index, word in enumerate(target):
        places[word] = places.get(word, 0) | 1 << index
    every, last = (1 << len(target)) - 1, 1 << (len(target) - 1)
    rising, falling, errors = every, 0, len(target)
    for word in spoken:
        match = places.get(word, 0) | falling
        same = (((match & rising) + rising) ^ rising) | match
        more = falling | ~(rising | same)
        less = rising & same
        errors += bool(more & last) - bool(less & last)
        more = more << 1 | 1
        falling = more & same & every
        rising = (less << 1 | ~(more | same)) & every
    return errors, len(target)


def is_backchannel(text: str, language: str | Language = "en") -> bool:
    """Return whether the words only signal "go on" ("mm-hm", "yeah, ok, right"). False for no words at all."""
    known = find(language)
    return known.backchannels.fullmatch(normalise(text, known)) is not None


_FINAL_MARK = re.compile(r"[.!?。！？｡؟۔।]['\"”’»)\]」』]*\s*$")
_TRAILING_OFF = re.compile(r"(?:\.\.|…)['\"”’»)\]]*\s*$")


def looks_finished(text: str, language: str | Language = "en") -> bool:
    """Return whether a transcript ends like a whole sentence: a final mark, and no word that asks for another."""
    if not _has_final_mark(text):
        return False
    last = _last_word(text)
    if not last:
        return False
    question = text.rstrip().rstrip("'\"”’»)]」』").endswith(("?", "？", "؟"))
    known = find(language)
    return last not in known.hanging and (question or last not in known.hanging_in_statement)


def breaks_off(text: str, language: str | Language = "en") -> bool:
    """Return whether a transcript ends in mid-sentence: in a word that asks for another, without a mark after it."""
    return not _has_final_mark(text) and _last_word(text) in find(language).hanging


def _has_final_mark(text: str) -> bool:
    return _FINAL_MARK.search(text) is not None and _TRAILING_OFF.search(text) is None


def _last_word(text: str) -> str:
    spoken = _NOT_A_WORD.sub(" ", text[-200:]).casefold().split()
    return spoken[-1] if spoken else ""


def asks_again(text: str, language: str | Language = "en") -> bool:
    """Return whether the user wants to hear something once more ("Could you repeat that?")."""
    return find(language).asks_again.search(normalise(text, language)) is not None
