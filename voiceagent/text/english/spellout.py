"""Writing English text out in full: numbers, dates, times, money, units and abbreviations as they are said.

For voices that cannot read "$3.50" themselves, and for comparing "two" with "2". hibari reads most of these alone
(tried: money, dates, times, units, years, ordinals), but not "$10-$20", "24/7", "(555) 123-4567", "v2.0.1",
"No. 5", "100k" or "≤"; a neural voice promises none of it. The libraries that would do were tried on 160 phrases
and left: NeMo's grammars in pure Python (27 ms a phrase, while the user waits for the first word), spokenform
("$5M" is "five molar"; full stops get lost), utterwise (no punctuation is left), verbalis (alpha, C++, loses
the word "dollars"), num2words (LGPL).

Each kind of reading is a module with a table of rules; here is their order. A rule passes once over the whole text,
in time linear in its length. Dates are read month first unless they can't be. Of context it knows the words around a
number ("code", "call", "room", a noun after a sum), not the meaning: "1500" is read like a year.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from voiceagent.text.addresses import read_addresses
from voiceagent.text.digits import ascii_digits, plain_fractions
from voiceagent.text.english import (
    abbreviations,
    arithmetic,
    codes,
    dates,
    money,
    network,
    quantities,
    roman,
    streets,
    telephones,
    times,
)
from voiceagent.text.english.patterns import Match, Rules

_ADDRESS_SIGNS = {".": "dot", "-": "dash", "_": "underscore", "+": "plus", "/": "slash", "@": "at"}
_SAME_SIGN = str.maketrans({"℃": "°C", "℉": "°F", "º": "°"})
_BLANK_BEFORE_MARK = re.compile(r" (?=[,.;:!?](?:\s|$))")
_DIGIT = re.compile("[0-9]")


@dataclass(frozen=True, slots=True)
class _Table:
    rules: tuple[tuple[re.Pattern[str], str | Callable[[Match], str]], ...]
    needs: tuple[str, ...] | re.Pattern[str]

    def may_match(self, text: str, small: str) -> bool:
        if isinstance(self.needs, tuple):
            return not self.needs or any(needed in text or needed in small for needed in self.needs)
        return self.needs.search(text) is not None


def _compiled(*tables: Rules) -> tuple[_Table, ...]:
    return tuple(
        _Table(
            tuple((re.compile(pattern), said) for pattern, said in table.rules),
            re.compile(table.needs) if isinstance(table.needs, str) else table.needs,
        )
        for table in tables
    )


def _apply(tables: tuple[_Table, ...], text: str) -> str:
    small = text.lower()
    for table in tables:
        if table.may_match(text, small):
            for pattern, said in table.rules:
                text = pattern.sub(said, text)
    return text


# Numbers that are names come before numbers that are quantities, and the longer form before what it is made of.
_NETWORK = _compiled(network.RULES)
_NAMES = _compiled(streets.RULES, abbreviations.RULES, roman.RULES, dates.NAMES, arithmetic.COMPARISONS)
_NUMBERS = _compiled(
    times.STAMPS,
    dates.NUMERIC,
    telephones.VANITY,
    telephones.RULES,
    telephones.ASKED,
    codes.RULES,
    codes.HASHES,
    money.COMMAS,
    quantities.GROUPINGS,
    money.RULES,
    dates.WEEKDAYS,
    dates.RULES,
    dates.DECADES,
    times.RULES,
    times.RATIOS,
    codes.VERSIONS,
    quantities.RANGES,
    quantities.FRACTIONS,
    quantities.RULES,
)
_SIGNS = _compiled(arithmetic.RULES)
_LEFT = _compiled(quantities.LEFT)


def spell_out(text: str) -> str:
    """Return English text with everything written in digits, signs, addresses and abbreviations as words.

    Letters and punctuation stay; white space is collapsed. A full stop that ends both an abbreviation and the
    sentence ("at 7 p.m.") is kept.
    """
    text = ascii_digits(plain_fractions(text.translate(_SAME_SIGN)))
    numeric = _DIGIT.search(text) is not None
    text = read_addresses(_apply(_NETWORK, text) if numeric else text, _ADDRESS_SIGNS)
    text = _apply(_NAMES, text)
    text = _apply(_NUMBERS, text) if numeric else text
    text = _apply(_SIGNS, text)
    text = _apply(_LEFT, text) if numeric else text
    return _BLANK_BEFORE_MARK.sub("", " ".join(text.split()))
