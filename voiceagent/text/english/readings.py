"""How one number, date, sum or measure is said: each function takes the match of a rule of `spell_out`."""

import re

from voiceagent.text.english.abbreviations import LEADING, STARTERS, TRAILING
from voiceagent.text.english.number_words import cardinal, digits, number, ordinal, plural, year
from voiceagent.text.english.units import CURRENCIES, CURRENCY_CODES, MULTIPLES, SIGNS, UNITS

Match = re.Match[str]

_YEAR = "January February March April May June July August September October November December"
MONTHS = _YEAR.split()
_NEXT_WORD = re.compile(r"[\s\"'”’)\]]{0,8}(\w{1,12}|$)")
_ABBREVIATIONS = {**LEADING, **TRAILING}
_PARTS = {2: "half", 3: "third", 4: "quarter"}
_ROMAN_NUMERAL = re.compile(r"X{0,2}(?:IX|IV|V?I{0,3})")
_ROMAN = {"I": 1, "V": 5, "X": 10}
_RULERS = (
    "Alexander Benedict Catherine Charles Edward Elizabeth Ferdinand Francis Frederick George Gregory Henry James "
    "John Leo Louis Mary Napoleon Nicholas Paul Philip Pius Ramses Richard Wilhelm William"
)
_MONARCHS = frozenset(_RULERS.split())
_PAIRS = {"24/7", "50/50", "20/20", "9/11"}


def abbreviation(match: Match) -> str:
    """ "Dr." -> "Doctor"."""
    return _ABBREVIATIONS[match[1]] + _kept_stop(match)


def street(match: Match) -> str:
    """ "Main St." -> "Main Street"."""
    return f"{match[1]}Street{_kept_stop(match)}"


def roman(match: Match) -> str:
    """ "Henry VIII" -> "Henry the eighth", "World War II" -> "World War two"."""
    name, numeral = match.groups()
    alone = numeral == "I" or (len(numeral) == 1 and name not in _MONARCHS)
    if alone or name.lower() in STARTERS or not _ROMAN_NUMERAL.fullmatch(numeral):
        return match[0]
    values = [_ROMAN[letter] for letter in numeral]
    value = sum(-one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True))
    return f"{name} the {ordinal(value)}" if name in _MONARCHS else f"{name} {cardinal(value)}"


def sign(match: Match) -> str:
    """ "≤" -> "at most"."""
    return f" {SIGNS[match[0]]} "


def money(match: Match) -> str:
    """ "$1,234.56" -> "one thousand two hundred thirty-four dollars and fifty-six cents"; "$10-20", "$5/month"."""
    minus, symbol, first, last, multiple, per = match.groups()
    names = CURRENCIES[symbol]
    amount = f"{number(first)} to {_amount(names, last, multiple)}" if last else _amount(names, first, multiple)
    return ("minus " if minus else "") + amount + (" per " if per else "")


def coded_money(match: Match) -> str:
    """ "20 EUR" -> "twenty euros"."""
    return _amount(CURRENCIES[CURRENCY_CODES.get(match[2], match[2])], match[1], None)


def multiple(match: Match) -> str:
    """ "100k" -> "one hundred thousand"."""
    return f"{number(match[1])} {MULTIPLES[match[2]]}"


def iso_date(match: Match) -> str:
    """ "2024-05-12" -> "May twelfth, twenty twenty-four"."""
    return _date(int(match[2]), int(match[3]), match[1]) or match[0]


def slash_date(match: Match) -> str:
    """ "12/25/2024" -> "December twenty-fifth, twenty twenty-four"; the day first where the month can't be."""
    month, day = int(match[1]), int(match[2])
    if month > 12:
        month, day = day, month
    century = "" if len(match[3]) == 4 else "19" if match[3] > "40" else "20"
    return _date(month, day, century + match[3]) or match[0]


def month_day(match: Match) -> str:
    """ "May 5, 2023" -> "May fifth, twenty twenty-three"."""
    return _date(_month(match[1]), int(match[2]), match[3]) or match[0]


def day_month(match: Match) -> str:
    """ "5 May" -> "the fifth of May"."""
    if not 1 <= int(match[1]) <= 31:
        return match[0]
    spoken = f"the {ordinal(int(match[1]))} of {MONTHS[_month(match[2]) - 1]}"
    return spoken + (f", {year(int(match[3]))}" if match[3] else "")


def time(match: Match) -> str:
    """ "7:05 p.m." -> "seven oh five PM", "12:00" -> "twelve o'clock"."""
    hour, minute, second, half = match.groups()
    if not (minute or half):
        return match[0]
    spoken = cardinal(int(hour))
    if minute and minute != "00":
        spoken += (" oh " if minute[0] == "0" else " ") + cardinal(int(minute))
    elif not half:
        spoken += " o'clock" if 1 <= int(hour) <= 12 else " hundred"
    if second:
        spoken += " and " + _count(str(int(second)), "second", "seconds")
    return f"{spoken} {half.upper()}M{_kept_stop(match)}" if half else spoken


def groups(match: Match) -> str:
    """ "+1 (555) 123-4567" -> "plus one, five five five, one two three, four five six seven"."""
    return ("plus " if match[0][0] == "+" else "") + ", ".join(map(digits, re.findall(r"[0-9]+", match[0])))


def code(match: Match) -> str:
    """ "#4521" -> "number four five two one"."""
    return f"number {digits(match[1])}"


def version(match: Match) -> str:
    """ "v2.0.1" -> "version two point zero point one"; four parts are an address: "dot"."""
    parts = [number(part) for part in match[2].split(".")]
    return ("version " if match[1] else "") + (" dot " if len(parts) == 4 else " point ").join(parts)


def decade(match: Match) -> str:
    """ "1990s" -> "nineteen nineties"."""
    return plural(year(int(match[1])) if len(match[1]) == 4 else cardinal(int(match[1])))


def rank(match: Match) -> str:
    """ "22nd" -> "twenty-second"."""
    return ordinal(int(match[1].replace(",", "")))


def measure(match: Match) -> str:
    """ "5 km" -> "five kilometers", "3 GB/day" -> "three gigabytes per day"."""
    return _count(match[1], *UNITS[match[2]]) + (" per " if match[3] else "." if _ends_sentence(match) else "")


def height(match: Match) -> str:
    """5'10" -> "five foot ten"."""
    return f"{cardinal(int(match[1]))} foot {cardinal(int(match[2]))}"


def fraction(match: Match) -> str:
    """ "2 3/4" -> "two and three quarters", "7/10" -> "seven out of ten", "3/14" -> "March fourteenth"."""
    whole, over, under = match[1], int(match[2]), int(match[3])
    if f"{over}/{under}" in _PAIRS:
        spoken = f"{cardinal(over)} {cardinal(under)}"
    elif under in (10, 100):
        spoken = f"{cardinal(over)} out of {cardinal(under)}"
    elif 0 < over < under <= 9 or (under == 16 and over % 2):
        part = _PARTS.get(under) or ordinal(under)
        spoken = f"{cardinal(over)} " + (part if over == 1 else "halves" if under == 2 else f"{part}s")
    else:
        date = _date(over, under, None) if under > 10 else None
        spoken = date or f"{match[2]} slash {match[3]}"
    return f"{number(whole)} and {spoken}" if whole else spoken


def plain(match: Match) -> str:
    """Any number that is left: four digits like a year, 911 digit by digit, the rest as a quantity."""
    if match[0] == "911":
        return digits(match[0])
    if re.fullmatch(r"1[1-9][0-9]{2}|20[0-9]{2}", match[0]):
        return year(int(match[0]))
    return number(match[0])


def _count(amount: str, one: str, many: str) -> str:
    return f"{number(amount)} {one if amount == '1' else many}"


def _amount(names: tuple[str, str, str, str], amount: str, multiple: str | None) -> str:
    one, many, hundredth, hundredths = names
    if multiple:
        return f"{number(amount)} {MULTIPLES[multiple]} {many}"
    whole, _, part = amount.partition(".")
    if len(part) != 2:
        return _count(amount, one, many)
    sums = [_count(whole, one, many)] if whole.strip("0") or part == "00" else []
    if part != "00":
        sums.append(_count(str(int(part)), hundredth, hundredths))
    return " and ".join(sums)


def _month(name: str) -> int:
    return next(index for index, month in enumerate(MONTHS, 1) if month.startswith(name[:3]))


def _date(month: int, day: int, written_year: str | None) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{MONTHS[month - 1]} {ordinal(day)}" + (f", {year(int(written_year))}" if written_year else "")


def _kept_stop(match: Match) -> str:
    """Return the abbreviation's full stop where it is the sentence's, too: before a word that begins sentences."""
    following = _NEXT_WORD.match(match.string, match.end())
    if following is None or not match[0].endswith(".") or match[1] in LEADING:
        return ""
    word = following[1]
    return "." if not word or (word.lower() in STARTERS and not word.islower()) else ""


def _ends_sentence(match: Match) -> bool:
    """Return whether the full stop after a unit ends the sentence: no lower-case letter follows."""
    following = _NEXT_WORD.match(match.string, match.end())
    return match[0].endswith(".") and not (following and following[1].islower())
