"""Number words of many languages by CLDR's rules, through `unicode-rbnf`; and Roman numerals.

The rules are parsed once for each language (milliseconds) and the words of recent numbers are kept. CLDR's rules end at
10**18 and the package divides with floating point, so numbers of more than 15 digits are said digit by digit.
"""

import re
from functools import lru_cache

from unicode_rbnf import RbnfEngine

MOST_DIGITS = 15
ROMAN = "[IVXLCDM]"
_ROMAN_NUMERAL = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


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


def roman(letters: str) -> int:
    """Return the value of a Roman numeral in capitals; 0 for letters that are none."""
    if not (letters and _ROMAN_NUMERAL.fullmatch(letters)):
        return 0
    values = [_ROMAN_VALUES[letter] for letter in letters]
    return sum(-one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True))
