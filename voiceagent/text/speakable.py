"""Making a reply's text fit to be read aloud by any voice.

Markdown becomes prose, addresses are said, emoji vanish, numbers and abbreviations are written out, and no sign is
left that a voice might name ("asterisk") or stumble over. Numbers are written out here although hibari reads most of
them, so that every voice says the same.

Works on one segment at a time, and so on half a construct: a sign without its partner is dropped. Time is linear
in the length. How numbers and the like are said is the language's to say (`language.py`); without tables for it they
are left to the voice.
"""

import re
import unicodedata

from voiceagent.text.language import Language
from voiceagent.text.languages import language as find
from voiceagent.text.latex import plain_formulas
from voiceagent.text.markdown import plain

_KEPT_SYMBOLS = frozenset("°©®™№℃℉")
_PICTURE_PARTS = re.compile("[\ufe00-\ufe0f\u20e3\u200b\u2060\ufeff\u00ad\U000e0020-\U000e007f]")
# A joiner next to a blank joined pictures; inside a word it belongs to the script (Hindi, Persian).
_STRAY_JOINER = re.compile(r"(?<!\S)\u200d|\u200d(?!\S)")
_EMOTICON = re.compile(r"(?<!\S)(?:[:;=][-o']?[)(DPp/|*]|<3|\^_?\^|[xX]D)(?![^\s.,!?])")
_PLAIN_QUOTES = str.maketrans(dict.fromkeys("“”„«»″", '"') | dict.fromkeys("‘’′", "'"))

_PLURAL = re.compile(r"\((e?s)\)")
_BRACKETS = re.compile(r"(?:^|\s)[(\[{]([^()\[\]{}]{0,400})[)\]}]")
_DASH = re.compile(r"\s*[—–―]+\s*|(?:^|\s)-+(?=\s|$)|-{2,}")
_SILENT = re.compile(r"[][*_~`#\\<>{}()^$@/=•·¶™®©\"\x00-\x1f\ufffd]+|(?<!\w)'|'(?!\w)")
_COMMA_IN_WORD = re.compile(r"(?<=[^\W\d_]),(?=[^\W\d_])")
_BLANK_BEFORE_MARK = re.compile(r" (?=[,.;:!?])")
_MARKS = re.compile(r"[,;:.!?](?:\s?[,;:.!?])+")
_LEADING_MARKS = re.compile(r"^[\s,;:.!?]+")
_WORD = re.compile(r"[^\W_]")


def speakable(text: str, language: str | Language = "en") -> str:
    """Return what a voice should say for a segment of a reply: one line, or "" when nothing in it is to be spoken.

    `language` is a `Language`, or a tag such as "en" or "en-US".
    """
    comma_written = text.rstrip().endswith((",", "，", "、"))
    text = plain(plain_formulas(_EMOTICON.sub(" ", _without_pictures(text)).translate(_PLAIN_QUOTES)))
    text = find(language).read(text)
    text = _BRACKETS.sub(r", \1,", _PLURAL.sub(r"\1", text))
    text = _SILENT.sub(" ", _DASH.sub(", ", text.replace("|", ", ").replace("…", "...")))
    text = _BLANK_BEFORE_MARK.sub("", _COMMA_IN_WORD.sub(", ", " ".join(text.split())))
    text = _LEADING_MARKS.sub("", _MARKS.sub(_strongest, text))
    if not comma_written:  # A bracket or a table's edge at the end left one.
        text = text.rstrip(", ")
    return text if _WORD.search(text) else ""


def _without_pictures(text: str) -> str:
    """Drop emoji and other pictographs, with the selectors and joiners that belong to them."""
    if text.isascii():
        return text
    kept = "".join(" " if _is_picture(character) else character for character in _PICTURE_PARTS.sub("", text))
    return _STRAY_JOINER.sub("", kept)


def _is_picture(character: str) -> bool:
    category = unicodedata.category(character)
    skin_tone = "\U0001f3fb" <= character <= "\U0001f3ff"
    return skin_tone or category in ("Cs", "Co", "Cn") or (category == "So" and character not in _KEPT_SYMBOLS)


def _strongest(match: re.Match[str]) -> str:
    """Return the one mark that a run of marks comes down to: "?!" -> "?", ",." -> "."."""
    if match[0].count(".") >= 3:
        return "..."
    return next(mark for mark in "?!.:;," if mark in match[0])
