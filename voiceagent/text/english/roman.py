"""Roman numerals: "Henry VIII", "World War II", "Super Bowl LVIII", "the XXI century"; never "I", "MIX" or "CV"."""

from voiceagent.text.english.abbreviations import STARTERS
from voiceagent.text.english.number_words import cardinal, ordinal
from voiceagent.text.english.patterns import RANGE, Match, Rules
from voiceagent.text.roman import value

_RULERS = (
    "Albert Alexander Alfonso Baldwin Benedict Boniface Carlos Catherine Charles Christian Clement Darius Edward "
    "Elizabeth Felipe Ferdinand Francis Frederick George Gregory Gustav Haakon Harald Harold Henry Innocent Isabella "
    "Ivan James John Joseph Juan Justinian Leo Leopold Louis Ludwig Margaret Mary Napoleon Nicholas Otto Paul Peter "
    "Philip Pius Ptolemy Ramses Richard Robert Rudolf Sixtus Umberto Urban Victor Wilhelm William Xerxes"
)
_MONARCHS = frozenset(_RULERS.split())
_TITLES = "King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Sultan|Shah"
# Names after which even C, D, L and M are numerals, and of lower-case words any numeral but "I".
_NUMBERED = (
    "Super Bowl|[Cc]hapter|[Pp]art|[Vv]olume|[Bb]ook|[Aa]ct|[Ss]cene|[Ss]ection|[Aa]rticle|[Tt]itle|[Aa]ppendix|Psalm"
    "|[Tt]ype|[Pp]hase|[Ss]tage|[Cc]lass|[Tt]ier|[Gg]rade|[Ll]evel|[Cc]ategory|[Ff]igure|[Tt]able|[Ee]pisode"
)


def _century(match: Match) -> str:
    """ "XXI century" -> "twenty-first century", "XIX–XX centuries"."""
    numerals = [value(numeral) for numeral in match.groups() if numeral]
    if None in numerals:
        return match[0]
    return " to ".join(ordinal(number) for number in numerals if number)


def _numbered(match: Match) -> str:
    """ "Chapter XL" -> "Chapter forty", "Chapters IV–VI" -> "Chapters four to six"."""
    name, first, last = match.groups()
    numbers = [value(numeral) for numeral in (first, last) if numeral]
    if None in numbers:
        return match[0]
    return f"{name} " + " to ".join(cardinal(number) for number in numbers if number)


def _titled(match: Match) -> str:
    """ "Pope Urban VI" -> "Pope Urban the sixth", "Elizabeth I of" -> "Elizabeth the first of"."""
    number = value(match[2])
    return f"{match[1]} the {ordinal(number)}" if number else match[0]


def _named(match: Match) -> str:
    """ "Henry VIII" -> "Henry the eighth", "Rocky II" -> "Rocky two"."""
    name, numeral = match.groups()
    number = value(numeral)
    alone = numeral == "I" or (len(numeral) == 1 and name not in _MONARCHS)
    if number is None or alone or name.lower() in STARTERS:
        return match[0]
    return f"{name} the {ordinal(number)}" if name in _MONARCHS else f"{name} {cardinal(number)}"


_COUNTED = "century|centuries|Olympiad|Olympics|Games|dynasty|Dynasty|edition"
# Not "Part D", "Class MC".
_LONG = r"(?=[CDLM]{0,8}[IVX])[IVXLCDM]{2,9}|[VX]"
_AFTER = r"\b(?!['’.]\w)"
RULES = Rules(
    (
        (
            rf"\b([IVX]{{1,6}})(?:th|st|nd|rd)?(?:{RANGE}([IVX]{{1,6}}))?(?=[ -](?:{_COUNTED})\b)",
            _century,
        ),
        (rf"\b((?:{_NUMBERED})s?) ({_LONG})(?:{RANGE}({_LONG}))?{_AFTER}", _numbered),
        (r"\b(World Wars?) I and II\b", r"\1 one and two"),
        (r"\bWorld War I\b(?!['’.]\w)", "World War one"),
        (rf"\b((?:{_TITLES}) [A-Z][a-z]{{2,12}}) ([IVX]{{2,5}}|[VX]){_AFTER}", _titled),
        (r"\b((?:" + "|".join(sorted(_MONARCHS)) + r")) (I)(?= of [A-Z])", _titled),
        (rf"\b([A-Z][a-z]+) ([IVX]{{1,5}}){_AFTER}", _named),
    ),
    needs=r"\b[IVXLCDM]{1,9}\b",
)
