"""Which characters of a model's text are text: no control characters, terminal codes or invisible ones. Pure."""

import re
import unicodedata

_LONGEST = 200
_ESCAPE = re.compile(
    rf"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{{0,{_LONGEST}}}(?:\x07|\x1b\\)|[()][0AB])|\x9b[0-?]*[ -/]*[@-~]"
)
"""A terminal's code (ECMA-48): of colours and cursors, titles and links, character sets."""
_HALF = re.compile(rf"(?:\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]{{0,{_LONGEST}}}\x1b?|[()])?|\x9b[0-?]*[ -/]*)\Z")
_JOINERS = "\u200c\u200d"
"""Invisible, but part of words in Persian and Indian scripts, and of emoji."""


class Characters:
    """Takes text in pieces; a terminal's code that may go on is held back."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return the characters of the text that are text; other spaces and line ends become common ones."""
        if text.isprintable() and not self._held:
            return text
        text = self._held + text
        half = _HALF.search(text)
        whole = half.start() if half else len(text)
        self._held = text[whole:]
        return "".join(map(_plain, _ESCAPE.sub("", text[:whole])))


def _plain(char: str) -> str:
    if char.isprintable() or char in "\n\t" or char in _JOINERS:
        return char
    if char in "\v\f\x85\u2028\u2029":
        return "\n"
    return " " if unicodedata.category(char) == "Zs" else ""
