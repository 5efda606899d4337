"""Number words of many languages by CLDR's rules, through `unicode-rbnf`.

The rules are parsed once for each language (milliseconds) and the words of recent numbers are kept. CLDR's rules end at
10**18 and the package divides with floating point, so numbers of more than 15 digits are said digit by digit.
"""

from functools import lru_cache

from unicode_rbnf import RbnfEngine

MOST_DIGITS = 15


class Numerals:
    """The number words of one language, by the name of CLDR's rule set without "spellout-"."""

    def __init__(self, code: str) -> None:
        self._engine = RbnfEngine.for_language(code)
        self.say = lru_cache(1024)(self._say)

    def digits(self, text: str) -> str:
        """Return ASCII digits one by one: "07" -> "null sieben"."""
        return " ".join(self.say(int(digit), "numbering") for digit in text)

    def _say(self, number: int, rules: str) -> str:
        """Return a whole number >= 0 in words."""
        return self._engine.format_number(number, ruleset_names=[f"spellout-{rules}"]).text
