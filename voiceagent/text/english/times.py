"""Times: "7:05 p.m.", "9:30-17:00", "2024-05-12T14:30:00Z", "UTC+5:30", "2h30"."""

from voiceagent.text.english.abbreviations import kept_stop
from voiceagent.text.english.dates import date
from voiceagent.text.english.number_words import cardinal
from voiceagent.text.english.patterns import ALONE, RANGE, WHOLE, Match, Rules

_HALF_DAY = r"[ap]\.?\s?m\b\.?"
_OFFSET = r"([+-])([01]?[0-9]):?([0-5][0-9])?"


def _stamp(match: Match) -> str:
    """ "2024-05-12T14:30:00Z" -> "May twelfth, twenty twenty-four, at fourteen thirty UTC"."""
    at, written_year, month, day, _, hour, minute, second, zone, *offset, until = match.groups()
    on = date(int(month), int(day), written_year)
    if on is None or int(hour) > 24:
        return match[0]
    said = f"{'on ' if at else ''}{on}, at {_clock(hour, minute, second if second and second != '00' else None)}"
    said = f"{said} UTC" if zone else f"{said} {_zone('UTC', *offset)}" if offset[0] else said
    return f"{said} to " if until else said


def _zone(name: str, sign: str, hours: str, minutes: str | None) -> str:
    """ "UTC+05:30" -> "UTC plus five thirty"."""
    said = f"{name} {'plus' if sign == '+' else 'minus'} {cardinal(int(hours))}"
    return f"{said} {cardinal(int(minutes))}" if minutes and minutes != "00" else said


def _named_zone(match: Match) -> str:
    return _zone(*match.groups())


def _offset(match: Match) -> str:
    return f" {_zone('UTC', *match.groups())}"


def _clock(hour: str, minute: str | None, second: str | None, *, half_day: bool = False) -> str:
    said = cardinal(int(hour))
    if minute and minute != "00":
        said += (" oh " if minute[0] == "0" else " ") + cardinal(int(minute))
    elif not half_day:
        said += " o'clock" if 1 <= int(hour) <= 12 else " hundred"
    if second:
        said += f" and {cardinal(int(second))} {'second' if int(second) == 1 else 'seconds'}"
    return said


def _time(match: Match) -> str:
    """ "7:05 p.m." -> "seven oh five PM", "12:00" -> "twelve o'clock"."""
    hour, minute, second, half = match.groups()
    if not (minute or half):
        return match[0]
    said = _clock(hour, minute, second, half_day=bool(half))
    return f"{said} {half.upper()}M{kept_stop(match)}" if half else said


def _duration(match: Match) -> str:
    """ "2h30" -> "two hours thirty minutes"."""
    hours, minutes = int(match[1]), int(match[2])
    return (
        f"{cardinal(hours)} {'hour' if hours == 1 else 'hours'} "
        f"{cardinal(minutes)} {'minute' if minutes == 1 else 'minutes'}"
    )


def _ratio(match: Match) -> str:
    """ "16:9" -> "16 to 9", whose numbers are read later."""
    return match[0].replace(":", " to ")


# Before the rules of dates, which would take the date alone.
STAMPS = Rules(
    (
        (
            r"(\bat )?(?<![\w-])([0-9]{4})-([01][0-9])-([0-3][0-9])(?:(T)| )([0-2][0-9]):([0-5][0-9])(?::([0-5][0-9]))?"
            # "2024-05-12 09:30-11:00" is a range.
            rf"(?:[.,][0-9]{{1,9}})?(?:\s?(Z|UTC)\b|(?(5)|(?!-)){_OFFSET}\b)?(?!\w|:[0-9])({RANGE}(?=[0-9]{{1,2}}:[0-9]{{2}}\b))?",
            _stamp,
        ),
    ),
    needs=r"[T ][0-9]{2}:",
)
RULES = Rules(
    (
        (rf"\b(UTC|GMT)\s?{_OFFSET}\b", _named_zone),
        # "9.30 a.m.", as it is written in Britain.
        (rf"(?i)(?<![\w.,:$€£])([01]?[0-9])\.([0-5][0-9])(?=\s?{_HALF_DAY})", r"\1:\2"),
        (rf"\b([Nn]oon|[Mm]idnight){RANGE}(?=[0-9])", r"\1 to "),
        # Only east of Greenwich: "9:30-12:00" is a range.
        (r"(?<=:[0-9]{2})(\+)([01][0-9]):([0-5][0-9])\b", _offset),
        (r"(?<=:[0-9]{2})Z\b", " UTC"),
        (rf"(?i)(?<=[0-9m.]){RANGE}(?=[0-9]{{1,2}}(?::[0-9]{{2}})?\s?{_HALF_DAY})", " to "),
        (rf"(?<=:[0-9]{{2}}){RANGE}(?=[0-9]{{1,2}}\b)", " to "),
        (rf"(?<=[0-9]){RANGE}(?=[0-9]{{1,2}}:[0-9]{{2}}\b)", " to "),
        (
            r"(?i)(?<![\w:.,/$-])([01]?[0-9]|2[0-4])(?::([0-5][0-9])(?::([0-5][0-9]))?)?"
            rf"(?:\s?([ap])\.?\s?m\b\.?)?{WHOLE}",
            _time,
        ),
    ),
    needs=r"[0-9]:[0-9]|[0-9] ?[aApP]\.? ?[mM]|UTC|GMT",
)
RATIOS = Rules(
    (
        (rf"{ALONE}([0-9]{{1,3}})h\s?([0-5]?[0-9])(?:m(?:in)?)?\b", _duration),
        (r"(?<![\w:.])[0-9]{1,3}(?::[0-9]{1,3}){1,4}(?![\w:])", _ratio),
    ),
    needs=r"[0-9]:[0-9]|[0-9]h",
)
