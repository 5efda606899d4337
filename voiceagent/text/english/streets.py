"""Streets and saints: "St. Mary's on Main St.", "Dr. Smith lives on Elm Dr.", "5th Ave", "45 N. Oak Ln"."""

import re

from voiceagent.text.english.abbreviations import STARTERS, kept_stop
from voiceagent.text.english.number_words import ordinal
from voiceagent.text.english.patterns import Match, Rules, any_of

_SUFFIXES = {
    "St": "Street",
    "Dr": "Drive",
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Ln": "Lane",
    "Ct": "Court",
    "Pl": "Place",
    "Sq": "Square",
    "Pkwy": "Parkway",
    "Hwy": "Highway",
    "Ter": "Terrace",
}
_FULL = "Street|Avenue|Boulevard|Road|Lane|Place|Floor"
_DIRECTIONS = {"N": "North", "S": "South", "E": "East", "W": "West"}
_DIRECTIONS |= {"NE": "Northeast", "NW": "Northwest", "SE": "Southeast", "SW": "Southwest"}
_ADDRESSED = "dear hello hi hey thanks ask call see yes no well professor prof mister saint mount"
_NO_STREET = STARTERS | frozenset(_ADDRESSED.split())
_FOLLOWING = re.compile(r",?\s+([A-Z][\w]*)")
_PLACED = re.compile(r"(?:\b[0-9]{1,6}[A-Za-z]? (?:[NSEW][EW]?\.? |North |South |East |West )?(?:[A-Z][a-z]+ )?)$")


def _street(match: Match) -> str:
    """ "Elm Dr." -> "Elm Drive"; left as it is where the abbreviation belongs to the next word ("Martha Dr. Smith")."""
    name, suffix = match[1], match[2]
    before, after = (
        match.string[max(0, match.start() - 30) : match.start()],
        match.string[match.end() : match.end() + 20],
    )
    following = _FOLLOWING.match(after)
    named_next = following is not None and following[1].lower() not in STARTERS and not after.startswith(",")
    if name.lower() in _NO_STREET:
        return match[0]
    if suffix in ("St", "Dr") and named_next and not _PLACED.search(before):
        return match[0]
    return f"{name} {_SUFFIXES[suffix]}{kept_stop(match)}"


def _numbered(match: Match) -> str:
    """ "5th St" -> "Fifth Street"."""
    words = ordinal(int(match[1]))
    if match[2]:
        return f"{words[0].upper()}{words[1:]} {_SUFFIXES[match[2]]}{kept_stop(match)}"
    return f"{words[0].upper()}{words[1:]}"


def _direction(match: Match) -> str:
    """ "45 N. Oak" -> "45 North Oak"."""
    return f"{match[1]} {_DIRECTIONS[match[2]]}"


RULES = Rules(
    (
        (
            rf"\b([0-9]{{1,6}}) ({any_of(_DIRECTIONS)})\b\.?(?= (?:[A-Z][a-z]|[0-9]{{1,3}}(?:st|nd|rd|th)\b))",
            _direction,
        ),
        (
            rf"\b([0-9]{{1,3}})(?:st|nd|rd|th) (?:({any_of(_SUFFIXES)})\b\.?|(?=(?:{_FULL})\b))",
            _numbered,
        ),
        (rf"\b([A-Z][a-z]+) ({any_of(_SUFFIXES)})\b\.?", _street),
        (r"(?<![\w.])Ste\. (?=[A-Z])", "Sainte "),
        (r"(?<![\w.])Ste\.? (?=[0-9])", "Suite "),
        (r"(?<![\w.])Apt (?=[0-9])", "Apartment "),
        (r"(?<![\w.])Hwy\.? (?=[0-9])", "Highway "),
        (r"(?<![\w.])Rte\.? (?=[0-9])", "Route "),
        (r"(?<![\w.])St\.? (?=[A-Z])", "Saint "),
    ),
    needs=(*_SUFFIXES, "Apt", "Ste", "Rte", "th ", "st ", "nd ", "rd ", " N", " S", " E", " W"),
)
