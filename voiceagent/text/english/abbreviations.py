"""English abbreviations that are written with a full stop: how they are read, and whether they may end a sentence.

Shared by the segmenter (a full stop after one of these does not by itself end a sentence) and by the readings.
"""

import re

from voiceagent.text.english.patterns import Match, Rules, any_of

# Always followed by what they belong to: a full stop after one never ends a sentence.
LEADING = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Messrs": "Messieurs",
    "Dr": "Doctor",
    "Prof": "Professor",
    "Rev": "Reverend",
    "Hon": "Honorable",
    "Gen": "General",
    "Col": "Colonel",
    "Maj": "Major",
    "Capt": "Captain",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Pres": "President",
    "Mt": "Mount",
    "Ft": "Fort",
    "e.g": "for example",
    "eg": "for example",
    "i.e": "that is",
    "cf": "compare",
    "vs": "versus",
    "approx": "approximately",
    "Approx": "Approximately",
    "fig": "figure",
    "Fig": "Figure",
    "vol": "volume",
    "Vol": "Volume",
    "ch": "chapter",
    "Ch": "Chapter",
    "pp": "pages",
    "ca": "circa",
    "incl": "including",
    "excl": "excluding",
    "tel": "telephone",
    "Tel": "Telephone",
    "ext": "extension",
    "Ext": "Extension",
    "www": "www",
}

# Read with the sum after it.
OTHER_LEADING = frozenset(["Rs"])

# May occur inside a sentence or end one.
TRAILING = {
    "etc": "et cetera",
    "Jr": "Junior",
    "Sr": "Senior",
    "Inc": "Incorporated",
    "Ltd": "Limited",
    "Corp": "Corporation",
    "Co": "Company",
    "Bros": "Brothers",
    "Dept": "Department",
    "dept": "department",
    "temp": "temperature",
    "Temp": "Temperature",
    "avg": "average",
    "Avg": "Average",
    "max": "maximum",
    "qty": "quantity",
    "Qty": "Quantity",
    "misc": "miscellaneous",
    "addr": "address",
    "acct": "account",
    "amt": "amount",
    "assn": "association",
    "attn": "attention",
    "intl": "international",
    "mgr": "manager",
    "orig": "original",
    "prob": "probably",
    "ref": "reference",
    "Ref": "Reference",
    "Govt": "Government",
    "Univ": "University",
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Hwy": "Highway",
    "Apt": "Apartment",
    "Bldg": "Building",
    "est": "established",
    "Jan": "January",
    "Feb": "February",
    "Aug": "August",
    "Sep": "September",
    "Sept": "September",
    "Oct": "October",
    "Nov": "November",
    "Dec": "December",
    "Tue": "Tuesday",
    "Tues": "Tuesday",
    "Thu": "Thursday",
    "Thurs": "Thursday",
    "Fri": "Friday",
}

# Units where a number is before them.
UNLESS_COUNTED = {
    "min": "minimum",
    "tbsp": "tablespoon",
    "wk": "week",
    "yr": "year",
    "yrs": "years",
    "mo": "month",
}

# Read by the words around them; here because their full stop may not end a sentence.
_OTHERS = "St Dr Ln Ct Pl Sq Pkwy Ste Rte al Ph.D Mon Wed Sat Mar Apr Jun Jul hr hrs mins sec secs ft lb lbs oz deg"
OTHER_TRAILING = frozenset(_OTHERS.split()) | frozenset(UNLESS_COUNTED)

# Words that begin a sentence far more often than they follow an abbreviation.
_STARTERS = (
    "a also an and are as at but can could did do does every for from he her here his how however i if in is it "
    "let many my no now on one or our please she should so some that the their then there these they this those "
    "to was we what when where which who why will with would yes yet you your"
)
STARTERS = frozenset(_STARTERS.split())

_ABBREVIATIONS = {**LEADING, **TRAILING, **UNLESS_COUNTED}
_NEXT_WORD = re.compile(r"[\s\"'”’)\]]{0,8}(\w{1,12}|$)")


def kept_stop(match: Match) -> str:
    """Return the abbreviation's full stop where it is the sentence's, too: before a word that begins sentences."""
    following = _NEXT_WORD.match(match.string, match.end())
    if following is None or not match[0].endswith("."):
        return ""
    word = following[1]
    return "." if not word or (word.lower() in STARTERS and not word.islower()) else ""


def _abbreviation(match: Match) -> str:
    """ "Dr." -> "Doctor", "etc." -> "et cetera"."""
    return _ABBREVIATIONS[match[1]] + ("" if match[1] in LEADING else kept_stop(match))


def _title(match: Match) -> str:
    """ "Dr Smith" -> "Doctor Smith", as it is written in Britain."""
    return f"{LEADING[match[1]]} "


RULES = Rules(
    (
        (rf"(?<![\w.])({any_of({**LEADING, **TRAILING})})\.(?!\w)", _abbreviation),
        (r"(?<![\w.])(Mr|Mrs|Ms|Dr|Prof|Rev|Sgt|Capt) (?=[A-Z][a-z])", _title),
        (rf"(?<![\w.])(?<![0-9] )({any_of(UNLESS_COUNTED)})\.(?!\w)", _abbreviation),
        (r"(?<![\w.])(?:No|Nos|no)\. ?(?=[0-9])|№ ?", "number "),
        (r"(?<![\w.])p\. ?(?=[0-9])", "page "),
        (r"(?<![\w/])w/o\b", "without"),
        (r"(?<![\w/])w/ ", "with "),
        (r"\b([CF])#(?!\w)", r"\1 sharp"),
    ),
    needs=(".", "№", "w/", "#", "r ", "rs ", "s ", "f ", "v ", "t "),
)
