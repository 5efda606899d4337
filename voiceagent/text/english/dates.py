"""Dates: "2024-05-12", "5/12/2024", "June 5–7", "28 May – 3 June 2024", "Mon–Fri", "the 1990s".

The month is read first unless it can't be.
"""

from voiceagent.text.english.number_words import cardinal, ordinal, plural, year
from voiceagent.text.english.patterns import ALONE, RANGE, WHOLE, Match, Rules

_YEAR_OF_MONTHS = "January February March April May June July August September October November December"
MONTHS = _YEAR_OF_MONTHS.split()
_WEEK = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_DAYS = {day[:3]: day for day in _WEEK.split()}

_MONTH = (
    r"(Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_ANY_MONTH = _MONTH.replace("(", "(?:", 1)
_WEEKDAY = r"(Mon|Tues?|Wed(?:nes)?|Thur?s?|Fri|Sat(?:ur)?|Sun)(day)?\b\.?"
_DAY = r"([0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,? ([12][0-9]{3})\b(?![,.]?[0-9]))?"
_TO = rf"(?:{RANGE}|\s(?:to|through|until)\s)"
_NO_TIME = r"(?!\s?[ap]\.?\s?m\b|:[0-9])"
_DECADE = r"['’]?((?:1[1-9]|20)[0-9]0|[2-9]0)['’]?s\b"


def date(month: int, day: int, written_year: str | None) -> str | None:
    """Return "May twelfth, twenty twenty-four"; None if there is no such date."""
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{MONTHS[month - 1]} {ordinal(day)}" + (f", {year(int(written_year))}" if written_year else "")


def month_number(name: str) -> int:
    """Return the month's number by the first three letters of its name."""
    return next(index for index, month in enumerate(MONTHS, 1) if month.startswith(name[:3]))


def _iso(match: Match) -> str:
    """ "2024-05-12" -> "May twelfth, twenty twenty-four"."""
    said = date(int(match[2]), int(match[3]), match[1])
    return said + (" to " if match[4] else "") if said else match[0]


def _slashed(match: Match) -> str:
    """ "12/25/2024" -> "December twenty-fifth, twenty twenty-four"; the day first where the month can't be."""
    month, day = int(match[1]), int(match[2])
    if month > 12:
        month, day = day, month
    century = "" if len(match[3]) == 4 else "19" if match[3] > "40" else "20"
    said = date(month, day, century + match[3])
    return said + (" to " if match[4] else "") if said else match[0]


def _dotted(match: Match) -> str:
    """ "12.05.2024", which is written where the day comes first."""
    return date(int(match[2]), int(match[1]), match[3]) or match[0]


def _days_of_month(match: Match) -> str:
    """ "June 5-7, 2024" -> "June fifth to seventh, twenty twenty-four"."""
    first, last = int(match[2]), int(match[3])
    if not 1 <= first < last <= 31:
        return match[0]
    said = f"{MONTHS[month_number(match[1]) - 1]} {ordinal(first)} to {ordinal(last)}"
    return said + (f", {year(int(match[4]))}" if match[4] else "")


def _days_before_month(match: Match) -> str:
    """ "5-7 June" -> "the fifth to the seventh of June"."""
    first, last = int(match[1]), int(match[2])
    if not 1 <= first < last <= 31:
        return match[0]
    said = f"the {ordinal(first)} to the {ordinal(last)} of {MONTHS[month_number(match[3]) - 1]}"
    return said + (f", {year(int(match[4]))}" if match[4] else "")


def _month_day(match: Match) -> str:
    """ "May 5, 2023" -> "May fifth, twenty twenty-three"."""
    return date(month_number(match[1]), int(match[2]), match[3]) or match[0]


def _day_month(match: Match) -> str:
    """ "5 May" -> "the fifth of May"."""
    if not 1 <= int(match[1]) <= 31:
        return match[0]
    said = f"the {ordinal(int(match[1]))} of {MONTHS[month_number(match[2]) - 1]}"
    return said + (f", {year(int(match[3]))}" if match[3] else "")


def _months(match: Match) -> str:
    """ "Jan–Mar" -> "January to March"."""
    return f"{MONTHS[month_number(match[1]) - 1]} to {MONTHS[month_number(match[2]) - 1]}"


def _weekdays(match: Match) -> str:
    """ "Mon–Fri" -> "Monday to Friday"."""
    return f"{_DAYS[match[1][:3]]} to {_DAYS[match[3][:3]]}"


def _weekday(match: Match) -> str:
    """ "Mon." -> "Monday", before a date or time."""
    return _DAYS[match[1]]


def _decade(match: Match) -> str:
    """ "1990s" -> "nineteen nineties"."""
    return plural(year(int(match[1])) if len(match[1]) == 4 else cardinal(int(match[1])))


# These hold no digits.
NAMES = Rules(
    (
        (rf"\b{_MONTH}{RANGE}{_MONTH}(?! [0-9]{{1,2}}\b)", _months),
        (rf"\b{_WEEKDAY}{RANGE}{_WEEKDAY}", _weekdays),
    ),
    needs=r"[a-z]\.?\s?[-–~]\s?[A-Z]",
)
NUMERIC = Rules(
    (
        (r"(?<![\w/])([0-9]{4})/([01]?[0-9])/([0-3]?[0-9])(?![\w/])", r"\1-\2-\3"),
        (
            rf"(?<![\w-])([0-9]{{4}})-([01]?[0-9])-([0-3]?[0-9])(?![\w-])({RANGE}(?=[0-9]{{4}}-[01]?[0-9]-[0-3]?[0-9]))?",
            _iso,
        ),
        (
            r"(?<![\w/])([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})(?![\w/])"
            rf"({RANGE}(?=[0-9]{{1,2}}/[0-9]{{1,2}}/))?",
            _slashed,
        ),
        (r"(?<![\w.])([0-3]?[0-9])\.([01]?[0-9])\.((?:19|20)[0-9]{2})(?![\w.]?[0-9])", _dotted),
    ),
    needs=r"[0-9][-/.][0-9]{1,2}[-/.][0-9]",
)
WEEKDAYS = Rules(
    (
        (
            rf"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:\.(?=,? (?:{_ANY_MONTH}|[0-9]|at\b))|(?=,? {_ANY_MONTH} [0-9]))",
            _weekday,
        ),
    ),
    needs=tuple(_DAYS),
)
RULES = Rules(
    (
        # "June 5 – July 7, 2024": each date is then read by itself.
        (rf"(\b{_ANY_MONTH} {_DAY}(?:,? [12][0-9]{{3}})?\b){RANGE}(?={_ANY_MONTH} [0-9])", r"\1 to "),
        (
            rf"({ALONE}{_DAY} {_ANY_MONTH}(?: [12][0-9]{{3}})?){RANGE}(?={_DAY} {_ANY_MONTH})",
            r"\1 to ",
        ),
        (rf"\b{_MONTH} {_DAY}{_TO}{_DAY}\b{WHOLE}{_NO_TIME}(?! {_ANY_MONTH}){_YEAR}", _days_of_month),
        (rf"{ALONE}(?:the )?{_DAY}{_TO}(?:the )?{_DAY} (?:of )?{_MONTH}{_YEAR}", _days_before_month),
        (rf"\b{_MONTH} {_DAY}\b{WHOLE}{_YEAR}", _month_day),
        (rf"{ALONE}(?:the )?{_DAY} (?:of )?{_MONTH}{_YEAR}", _day_month),
    ),
    needs=tuple(month[:3].lower() for month in MONTHS),
)
DECADES = Rules(
    (
        (rf"(?<![\w.,$]){_DECADE}{RANGE}(?={_DECADE})", lambda match: f"{_decade(match)} to "),
        (rf"(?<![\w.,$]){_DECADE}", _decade),
    ),
    needs=r"0['’]?s",
)
