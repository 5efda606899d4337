"""Quantities: "5 km", "a 5 km run", "20–30 °C", "2 1/2", "22nd", "100k", "10.000.000", and any number that is left."""

import re

from voiceagent.text.english.attributes import before_noun
from voiceagent.text.english.currencies import MULTIPLES
from voiceagent.text.english.dates import date
from voiceagent.text.english.number_words import cardinal, digits, number, ordinal, year
from voiceagent.text.english.patterns import ALONE, NUMBER, RANGE, Match, Rules, any_of
from voiceagent.text.english.units import PER, UNITS

_UNIT = any_of(UNITS)
_PARTS = {2: "half", 3: "third", 4: "quarter"}
_PAIRS = {"24/7", "50/50", "20/20", "9/11"}
_SEPARATORS = re.compile(r"[., '_]")


def _ungrouped(match: Match) -> str:
    """ "10.000.000" -> "10000000", "1 234,56" -> "1234.56"."""
    whole, _, fraction = match[0].rpartition(",") if match.lastgroup == "decimal" else (match[0], "", "")
    plain = _SEPARATORS.sub("", whole).replace(",", "")
    return f"{plain}.{fraction}" if fraction else plain


def _multiple(match: Match) -> str:
    """ "100k" -> "one hundred thousand"."""
    return f"{number(match[1])} {MULTIPLES[match[2]]}"


def _rank(match: Match) -> str:
    """ "22nd" -> "twenty-second"."""
    return ordinal(int(match[1].replace(",", "")))


def _measure(match: Match) -> str:
    """ "5 km" -> "five kilometers", "a 5-km run" -> "a five kilometer run", "3 GB/day" -> "three gigabytes per day"."""
    written, dash, unit, per_unit, per = match.groups()
    one, many = UNITS[unit]
    said = f"{number(written)} {one if written == '1' or dash or before_noun(match) else many}"
    if per_unit or per:
        return f"{said} per {PER[per_unit] if per_unit else ''}"
    return said + ("." if match[0].endswith(".") and _ends_sentence(match) else "")


def _inches(match: Match) -> str:
    """ "3 in. tall" -> "three inches tall"; "in" without its stop is a word."""
    return f"{number(match[1])} {'inch' if match[1] == '1' else 'inches'}"


def _inch(match: Match) -> str:
    """The mark after 12 in "a 12 inch screen"; it may also close a quotation."""
    return f"{number(match[1])} inch"


def _unknown(match: Match) -> str:
    """ "2x" -> "2 x"."""
    return f"{match[1] or match[2]} x"


_SIZED = "screen|monitor|TV|display|laptop|tablet|pizza|pipe|disk|wheels|thick|wide|long|tall|deep"
_NEXT_WORD = re.compile(r"[\s\"'”’)\]]{0,8}(\w{1,12}|$)")


def _ends_sentence(match: Match) -> bool:
    """Return whether the full stop after a unit ends the sentence: a capital or nothing follows."""
    following = _NEXT_WORD.match(match.string, match.end())
    return not following or not following[1] or following[1][0].isupper()


def _seconds(match: Match) -> str:
    """ "9.58 s" -> "nine point five eight seconds"; "5s" may be a name."""
    return f"{number(match[1])} {'second' if match[1] == '1' or before_noun(match) else 'seconds'}"


def _height(match: Match) -> str:
    """5'10" -> "five foot ten"."""
    return f"{cardinal(int(match[1]))} foot {cardinal(int(match[2]))}"


def _fraction(match: Match) -> str:
    """ "2 3/4" -> "two and three quarters", "7/10" -> "seven out of ten", "3/14" -> "March fourteenth"."""
    whole, over, under = match[1], int(match[2]), int(match[3])
    if f"{over}/{under}" in _PAIRS:
        said = f"{cardinal(over)} {cardinal(under)}"
    elif under in (10, 100):
        said = f"{cardinal(over)} out of {cardinal(under)}"
    elif 0 < over < under <= 9 or (under == 16 and over % 2):
        part = _PARTS.get(under) or ordinal(under)
        said = f"{cardinal(over)} " + (part if over == 1 else "halves" if under == 2 else f"{part}s")
    else:
        said = (date(over, under, None) if under > 10 else None) or f"{match[2]} slash {match[3]}"
    return f"{number(whole)} and {said}" if whole else said


def _plain(match: Match) -> str:
    """Read any number that is left: four digits like a year, 911 digit by digit, the rest as a quantity."""
    if match[0] == "911":
        return digits(match[0])
    if re.fullmatch(r"1[1-9][0-9]{2}|20[0-9]{2}", match[0]):
        return year(int(match[0]))
    return number(match[0])


_START = r"(?<![\w.,+)-])(?<![0-9] )"
_UNIT_WORD = (
    "(?:kilo|centi|milli)?(?:met|lit)(?:er|re)s|kilos|(?:kilo)?grams|[mb]illion|hours|years|percent|degrees|times"
)
_UNIT_AHEAD = rf"\s?(?:{_UNIT}|{_UNIT_WORD})(?!\w)"
_END = r"(?![\w]|[.,][0-9])"
# Other countries' separators, brought into one form before anything else is read.
GROUPINGS = Rules(
    (
        (r"(?<![\w.,])[0-9]{1,2}(?:,[0-9]{2}(?=,))+,[0-9]{3}(?![0-9,])", _ungrouped),
        (rf"(?<![\w.,])[0-9]{{1,3}}(?:\.[0-9]{{3}})+,(?P<decimal>[0-9]{{1,2}}){_END}", _ungrouped),
        (rf"(?<![\w.,])[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}}){{2,}}{_END}", _ungrouped),
        (rf"{_START}[1-9][0-9]{{0,2}}(?:[ '][0-9]{{3}})+,(?P<decimal>[0-9]{{1,2}}){_END}", _ungrouped),
        (
            rf"{_START}[1-9][0-9]{{0,2}}(?:(?: [0-9]{{3}}){{2,}}| 000|(?:['_][0-9]{{3}})+){_END}(?! [0-9])",
            _ungrouped,
        ),
        (
            rf"(?<![\w.,])(?:0|[0-9]{{1,9}}(?=,[0-9]{{1,2}}{_UNIT_AHEAD})),(?P<decimal>[0-9]{{1,3}}){_END}",
            _ungrouped,
        ),
        (rf"(?<![\w.,(\[{{])[0-9]{{1,9}},(?P<decimal>[0-9]{{2}}){_END}", _ungrouped),
    ),
    needs=r"[0-9][., '_][0-9]",
)
# "5th-7th", "20%-30%", "5 km – 10 km": what stands between like and like.
RANGES = Rules(
    (
        (rf"{ALONE}([0-9]{{1,9}}(?:st|nd|rd|th)){RANGE}(?=[0-9]{{1,9}}(?:st|nd|rd|th)\b)", r"\1 to "),
        (rf"{ALONE}({NUMBER})\s?%{RANGE}(?={NUMBER}\s?%)", r"\1 to "),
        (rf"{ALONE}({NUMBER}\s?(?:{_UNIT})){RANGE}(?={NUMBER}\s?(?:{_UNIT})(?!\w))", r"\1 to "),
        (r"(?<![\w.,/-])50-50(?![\w-])", "50/50"),
    ),
    needs="[-–~]",
)
FRACTIONS = Rules(
    (
        (r"(?<![\w/.,])([0-9]{1,3})/([0-9]{1,3})(?= (?:stars|points|rating|score)\b)", r"\1 out of \2"),
        (r"(?<![\w/.,])(?:([0-9]{1,9}) )?([0-9]{1,4})/([0-9]{1,4})(?![\w/])", _fraction),
        (r"(?<![\w/.,])([0-9]{1,3}\.[0-9])/([0-9]{1,3})(?![\w/])", r"\1 out of \2"),
    ),
    needs=("/",),
)
RULES = Rules(
    (
        (r"(?<![\w.,])([0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:st|nd|rd|th)\b", _rank),
        (r"(?<![\w.])([0-9])' ?([0-9]{1,2})\"", _height),
        (rf"(?<![\w.,/-])({NUMBER})(?:-|\s?[–~]\s?)(?=[0-9])", r"\1 to "),
        (r"(?<=[0-9)])(?:\s[*x]\s|[*])(?=[0-9(])", " times "),
        (r"(?<=[0-9])x(?=[0-9])", " by "),
        (r"(?<=[0-9)]) - (?=[0-9(])", " minus "),
        (r"(?<![\w)\]-])-(?=[0-9.])", "minus "),
        (rf"{ALONE}({NUMBER})\"(?= (?:{_SIZED})\b)", _inch),
        (r"(?<![\w.])([0-9]{1,3})'(?= (?:by|x|tall|wide|long|deep|high)\b)", r"\1 feet"),
        (r"(?<=[a-z])/(?=(?:week|day|month|year|hour|minute|second|night|person)\b)", " per "),
        (r"\bFY ?((?:19|20)[0-9]{2})[-–/]([0-9]{2})\b", r"FY \1 to \2"),
        (r"((?:ft|feet|foot)\.?,? [0-9]{1,2}(?:\.[0-9])?) in\b\.?", r"\1 inches"),
        (
            rf"{ALONE}({NUMBER})(?:\s|(-))?({_UNIT})(?!\w)(?:/({any_of(PER)})\b|(/)(?=[A-Za-z])|\.(?!\w))?",
            _measure,
        ),
        (rf"{ALONE}({NUMBER})\s?in\.(?=,?\s[a-z0-9])", _inches),
        (rf"{ALONE}({NUMBER}) s(?![\w'’-])", _seconds),
        (rf"{ALONE}({NUMBER})(k|M|bn|(?<=[0-9]{{2}})K)\b", _multiple),
        # "2x + 1" is algebra, "2x faster" is not.
        (rf"(?<=[=+(]\s)({NUMBER})x\b|{ALONE}({NUMBER})x(?=\s?[+=^])", _unknown),
        (rf"{ALONE}({NUMBER})x\b", r"\1 times"),
    ),
)
LEFT = Rules(
    (
        (r"(?<=[A-Za-z])-?(?=[0-9])|(?<=[0-9])(?=[A-Za-z])", " "),
        (rf"{NUMBER}|(?<![\w.])\.[0-9]++", _plain),
    ),
)
