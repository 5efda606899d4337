"""Words: what the session asks of a transcript, and how two texts are compared.

`words` splits text as it is written; `normalise` and `word_error_rate` compare what was said with what was
heard; `is_backchannel` and `looks_finished` are the two quick judgements that turn taking makes about a
transcript. All are pure, never raise on any string, and take time in proportion to its length (the error rate:
to the product of the lengths over the machine's word size, half a second for two texts of 100 kB).

They know English word lists only. A transcript in another language is never a backchannel, and is finished
when its last mark says so. Scripts that write no spaces count each character as a word.
"""

import re
import unicodedata

from voiceagent.text.spellout import spell_out

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


def normalise(text: str) -> str:
    """Return the text for comparison: lower case, no punctuation, numerals spelled, single spaces."""
    text = unicodedata.normalize("NFKC", spell_out(text)).casefold()
    text = _NOT_A_WORD.sub(" ", _INSIDE_WORD.sub("", text))
    text = re.sub(rf"([{UNSPACED}])", r" \1 ", text)
    return " ".join(_SAME_WORD.get(word, word) for word in text.split())


def word_error_rate(reference: str, hypothesis: str) -> tuple[int, int]:
    """Return (errors, reference words): the fewest substitutions, deletions and insertions between the two.

    The pair adds up over many utterances; divide at the end. Both texts are normalised first. The edit
    distance is computed a column at a time in the bits of one integer (Myers 1999, Hyyrö 2003).
    """
    target, spoken = normalise(reference).split(), normalise(hypothesis).split()
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


# What listeners say to keep the speaker going. "Yes" is not here: it is as often an answer; "uh-uh" is a no.
# No two alternatives match the same words, so that a long text is not tried in every combination of them.
_BACKCHANNEL = re.compile(
    r"(?:(?:m h+m+|m+h+m+|h+m+|m{2,}|uh+ h+uh+|a+h+a+|o+h+|a+h+"
    r"|yeah|yea|yep|yup|ok|right|sure|cool|nice|wow|exactly|all right|i see|got it|gotcha)(?: |$))++"
)


def is_backchannel(text: str) -> bool:
    """Return whether the words only signal "go on" ("mm-hm", "yeah, ok, right"). False for no words at all."""
    return _BACKCHANNEL.fullmatch(normalise(text)) is not None


_FINAL_MARK = re.compile(r"[.!?。！？｡؟۔।]['\"”’»)\]」』]*\s*$")
_TRAILING_OFF = re.compile(r"(?:\.\.|…)['\"”’»)\]]*\s*$")
# No sentence ends on these, even if the recogniser put a mark after them ...
_NEVER_LAST = "a an the and or but because if although unless while than my your his its our their um uh er erm like"
_HANGING = frozenset(_NEVER_LAST.split())
# ... nor on these, unless it is a question ("Who is it for?").
_SELDOM_LAST = "of to with from for at by into as i we they is are was were very"
_HANGING_IN_STATEMENT = frozenset(_SELDOM_LAST.split())


def looks_finished(text: str) -> bool:
    """Return whether a transcript ends like a whole sentence: a final mark, and no word that asks for another."""
    if not _FINAL_MARK.search(text) or _TRAILING_OFF.search(text):
        return False
    spoken = _NOT_A_WORD.sub(" ", text[-200:]).casefold().split()
    if not spoken:
        return False
    question = text.rstrip().rstrip("'\"”’»)]」』").endswith(("?", "？", "؟"))
    return spoken[-1] not in _HANGING and (question or spoken[-1] not in _HANGING_IN_STATEMENT)


_ASKS_AGAIN = re.compile(
    r"\b(?:say (?:that|it)|repeat|again|once more|one more time|come again|what (?:did|was it) you sa(?:y|id)"
    r"|what was that|pardon|(?:did not|didn t|didnt|can t|cant|could not|couldn t|couldnt) (?:hear|catch|get))\b"
)


def asks_again(text: str) -> bool:
    """Return whether the user wants to hear something once more ("Could you repeat that?")."""
    return _ASKS_AGAIN.search(normalise(text)) is not None
