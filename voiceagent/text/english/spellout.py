"""Writing English text out in full: numbers, dates, times, money, units and abbreviations as they are said.

For voices that cannot read "$3.50" themselves, and for comparing "two" with "2". hibari reads most of these alone
(tried: money, dates, times, units, years, ordinals), but not "$10-$20", "24/7", "(555) 123-4567", "v2.0.1",
"No. 5", "100k" or "≤"; a neural voice promises none of it. The libraries that would do were tried on 160 phrases
and left: NeMo's grammars in pure Python (27 ms a phrase, while the user waits for the first word), spokenform
("$5M" is "five molar"; full stops get lost), utterwise (no punctuation is left), verbalis (alpha, C++, loses
the word "dollars"), num2words (LGPL).

Each rule passes once over the whole text, in time linear in its length. Dates are read month first unless they
can't be. It does not know context: "1500" is read like a year, "3-2" as "three to two".
"""

import re
from collections.abc import Callable, Iterable

from voiceagent.text.addresses import read_addresses
from voiceagent.text.english import readings
from voiceagent.text.english.abbreviations import LEADING, TRAILING
from voiceagent.text.english.units import CURRENCIES, MULTIPLES, SIGNS, UNITS


def _any_of(choices: Iterable[str]) -> str:
    return "|".join(re.escape(choice) for choice in sorted(choices, key=len, reverse=True))


_N = r"(?:[0-9]{1,3}(?:,[0-9]{3})++(?![0-9])|[0-9]++)(?:\.[0-9]++)?+"
_ALONE = r"(?<![\w.,/])"
_WHOLE = r"(?![0-9]|[.,:][0-9]|%)"
_SYMBOL = f"[{''.join(CURRENCIES)}]"
_MONTH = (
    r"(Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_YEAR = r"(?:,? ([12][0-9]{3})\b(?![,.]?[0-9]))?"
_HALF_DAY = r"[ap]\.?\s?m\b\.?"

_RULES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    # Abbreviations and names first: they hold full stops and signs.
    (rf"(?<![\w.])({_any_of({**LEADING, **TRAILING})})\.(?!\w)", readings.abbreviation),
    (r"(?<![\w&])#([0-9]{4,15})\b", readings.code),
    (r"(?<![\w.])(?:No|Nos|no)\. ?(?=[0-9])|№ ?|(?<![\w&])#(?=[0-9])", "number "),
    (r"\b([A-Z][a-z]+ )St\b\.?(?!\s[A-Z])", readings.street),
    (r"(?<![\w.])St\. (?=[A-Z])", "Saint "),
    (r"\b([A-Z][a-z]+) ([IVX]{1,5})\b(?!['’.]\w)", readings.roman),
    (r"(?<![\w/])w/o\b", "without"),
    (r"(?<![\w/])w/ ", "with "),
    (r"\b([CF])#(?!\w)", r"\1 sharp"),
    # Comparisons before what they compare is in words.
    (r"\s<\s|(?<=\w)<(?=[0-9$€£])", " less than "),
    (r"\s>\s|(?<=\w)>(?=[0-9$€£])", " greater than "),
    (r"~\s?(?=[0-9$€£])", "about "),
    # Money.
    (
        rf"((?<!\w)-)?({_SYMBOL})\s?({_N})(?:\s?[-–]\s?{_SYMBOL}?({_N}))?+"
        rf"(?:[ -]?({_any_of(MULTIPLES)})\b)?+(/(?=[A-Za-z]))?+",
        readings.money,
    ),
    (rf"{_ALONE}({_N})\s?(USD|EUR|GBP|JPY|INR|KRW|{_SYMBOL})(?!\w)", readings.coded_money),
    # Dates and times.
    (r"(?<![\w-])([0-9]{4})-([01]?[0-9])-([0-3]?[0-9])(?![\w-])", readings.iso_date),
    (r"(?<![\w/])([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})(?![\w/])", readings.slash_date),
    (rf"\b{_MONTH} ([0-9]{{1,2}})(?:st|nd|rd|th)?\b{_WHOLE}{_YEAR}", readings.month_day),
    (rf"{_ALONE}(?:the )?([0-9]{{1,2}})(?:st|nd|rd|th)? (?:of )?{_MONTH}{_YEAR}", readings.day_month),
    (rf"(?i)(?<=[0-9m.])\s?[-–]\s?(?=[0-9]{{1,2}}(?::[0-9]{{2}})?\s?{_HALF_DAY})", " to "),
    (
        r"(?i)(?<![\w:.,/$-])([01]?[0-9]|2[0-4])(?::([0-5][0-9])(?::([0-5][0-9]))?)?"
        rf"(?:\s?([ap])\.?\s?m\b\.?)?{_WHOLE}",
        readings.time,
    ),
    (r"(?<![\w:.])([0-9]{1,3}):([0-9]{1,3})(?![\w:])", r"\1 to \2"),
    # Numbers that are names: telephones, codes, versions, addresses.
    (
        r"(?<![\w.-])(?:\+?[0-9]{1,3}[-. ])?(?:\([0-9]{3}\) ?|[0-9]{3}[-. ])[0-9]{3}[-. ][0-9]{4}(?![\w-])"
        r"|\+[0-9][0-9 ()-]{6,18}[0-9]|(?<![\w.-])[0-9]{3}-[0-9]{4}(?![\w-])"
        r"|(?<![\w.-])[0-9]++(?:-[0-9]++){2,}+(?![\w-])",
        readings.groups,
    ),
    (r"(?<![\w.])(v)?([0-9]{1,9}(?:\.[0-9]{1,9}){2,8})(?![\w])", readings.version),
    (r"\bv(?=[0-9])", "version "),
    # Quantities.
    (r"(?<![\w.,])([0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:st|nd|rd|th)\b", readings.rank),
    (r"(?<![\w.,$])['’]?((?:1[1-9]|20)[0-9]0|[2-9]0)['’]?s\b", readings.decade),
    (r"(?<![\w.])([0-9])' ?([0-9]{1,2})\"", readings.height),
    (r"(?<![\w/.,])(?:([0-9]{1,9}) )?([0-9]{1,4})/([0-9]{1,4})(?![\w/])", readings.fraction),
    (rf"(?<![\w.,/-])({_N})(?:-|\s?–\s?)(?=[0-9])", r"\1 to "),
    (r"(?<=[0-9)])(?:\s[*x]\s|[*])(?=[0-9(])", " times "),
    (r"(?<=[0-9])x(?=[0-9])", " by "),
    (r"(?<=[0-9)]) - (?=[0-9(])", " minus "),
    (r"(?<![\w)\]-])-(?=[0-9.])", "minus "),
    (rf"{_ALONE}({_N})\s?({_any_of(UNITS)})(?!\w)(?:(/(?=[A-Za-z]))|\.(?!\w))?", readings.measure),
    (rf"{_ALONE}({_N})(k|M|bn|(?<=[0-9]{{2}})K)\b", readings.multiple),
    (rf"{_ALONE}({_N})x\b", r"\1 times"),
    # Signs.
    (r"\^2\b", " squared"),
    (r"\^3\b", " cubed"),
    (r"\^(?=[\w(-])", " to the power of "),
    (_any_of(SIGNS), readings.sign),
    (r"\+", " plus "),
    # Any digits that are left.
    (r"(?<=[A-Za-z])-?(?=[0-9])|(?<=[0-9])(?=[A-Za-z])", " "),
    (rf"{_N}|(?<![\w.])\.[0-9]++", readings.plain),
)
_COMPILED = tuple((re.compile(pattern), replacement) for pattern, replacement in _RULES)
_ADDRESS_SIGNS = {".": "dot", "-": "dash", "_": "underscore", "+": "plus", "/": "slash", "@": "at"}
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8", "⅜": "3/8"}
_SAME_SIGN = str.maketrans({"℃": "°C", "℉": "°F", "−": "-"} | dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)))
_BLANK_BEFORE_MARK = re.compile(r" (?=[,.;:!?](?:\s|$))")
_VULGAR_FRACTION = re.compile(rf"\s?([{''.join(_VULGAR)}])")


def spell_out(text: str) -> str:
    """Return English text with everything written in digits, signs and abbreviations as words.

    Letters and punctuation stay; white space is collapsed. A full stop that ends both an abbreviation and the
    sentence ("at 7 p.m.") is kept.
    """
    text = read_addresses(text, _ADDRESS_SIGNS)
    text = _VULGAR_FRACTION.sub(lambda match: f" {_VULGAR[match[1]]}", text.translate(_SAME_SIGN))
    for pattern, replacement in _COMPILED:
        text = pattern.sub(replacement, text)
    return _BLANK_BEFORE_MARK.sub("", " ".join(text.split()))
