"""Numbers that are names: codes, PINs, order and flight numbers, rooms, versions; by the words before them.

"Your code is 276983" is read digit by digit, "The code has 276983 lines" as a quantity.
"""

import re

from voiceagent.text.english.number_words import digits, number
from voiceagent.text.english.patterns import COUNTED, Match, Rules

_CODES = (
    "code|codes|reference|confirmation|plate|PIN|pin|PINs|passcode|password|OTP|ZIP|zip|postcode|extension|extensions"
    "|ID|IDs|SKU|ISBN|IBAN"
    "|ending in|ends in|combination|serial|VIN"
)
_NUMBERED = (
    "account|ticket|reference|confirmation|booking|reservation|invoice|tracking|order|case|policy|customer|member"
    "|membership|employee|student|patient|passport|license|licence|card|claim|contract|file|routing|registration"
    "|model|item|part|product|serial|id|identification|phone|telephone|request|incident|parcel|shipment"
)
_PLACES = (
    "room|suite|gate|flight|train|bus|channel|apartment|unit|locker|extension|box|locker|highway|route|interstate"
    "|area code|seat|desk|office|table|platform"
)
_LINK = (
    r"(?:(?: [a-z]{1,12}){0,5} (?:is|was|are|were|be)\b(?: now)?)?"
    r",?:? ?=? ?#?[\"'“‘(*]?"
)
_NO_QUANTITY = r"(?![0-9]|[.,:/-][0-9]|%|\s" + COUNTED + ")"
_LIST = r"(?:(?:, | and | or |, and |, or |; )[0-9]{3,12}(?![\w.,-]?[0-9]))*"
_DIGITS = re.compile(r"[0-9]+")
_SPELLED = re.compile(r"[0-9]|[A-Z]{3,}|[A-Z]|-")


def _code(match: Match) -> str:
    """ "code is 276983" -> "code is two seven six nine eight three", "PINs 0042 and 1234"."""
    said = re.sub(r"(?<=[0-9])[ -](?=[0-9])", ", ", match[2])
    return match[1] + _DIGITS.sub(lambda group: digits(group[0]), said)


def _mixed(match: Match) -> str:
    """ "code: X7K9" -> "code: X seven K nine", "SAVE20" -> "SAVE two zero"."""
    said = " ".join(digits(sign) if sign.isdigit() else sign for sign in _SPELLED.findall(match[2]))
    return match[1] + said.replace(" -", ",")


def _place(match: Match) -> str:
    """ "room 204" -> "room two zero four", "flight BA 117" -> "flight BA one one seven"; "room 300" is round."""
    prefix, letters, written = match.groups(default="")
    return f"{prefix}{letters.rstrip(' -')}{' ' if letters else ''}" + (
        number(written) if written.endswith("00") and written[0] != "0" else digits(written)
    )


def _hash(match: Match) -> str:
    """ "#4521" -> "number four five two one"."""
    return f"number {digits(match[1])}"


def _version(match: Match) -> str:
    """ "v2.0.1" -> "version two point zero point one"."""
    return ("version " if match[1] else "") + " point ".join(number(part) for part in match[2].split("."))


_CODE = r"[0-9]{3,20}(?:[ -][0-9]{2,8}){0,5}"
_NUMBER_WORD = r"(?:[Nn]umbers?|[Nn]os?\.?|[Nn]um\.?|#|ID|id|code)"
RULES = Rules(
    (
        (rf"((?i:\b(?:{_CODES})\b)(?: numbers?)?{_LINK})({_CODE}{_LIST}){_NO_QUANTITY}(?![A-Za-z])", _code),
        (rf"((?i:\b(?:{_NUMBERED})) {_NUMBER_WORD}{_LINK})({_CODE}{_LIST}){_NO_QUANTITY}(?![A-Za-z])", _code),
        (rf"((?i:\b(?:{_NUMBERED})):? #?)([0-9]{{5,20}}){_NO_QUANTITY}(?![A-Za-z])", _code),
        (
            rf"((?i:\b(?:{_CODES}|(?:{_NUMBERED}) {_NUMBER_WORD})){_LINK})"
            r"((?=[A-Z-]{0,10}[0-9])(?=[0-9-]{0,10}[A-Z])[A-Z0-9]{1,24}(?:-[A-Z0-9]{1,12}){0,4})(?![\w-])",
            _mixed,
        ),
        (
            rf"((?i:\b(?:{_PLACES})s?) (?:number |no\. ?|#)?)([A-Z]{{1,3}}[ -]?)?([0-9]{{3,5}})"
            r"(?![\w-]|[.,:/][0-9]|%)(?! " + COUNTED + ")",
            _place,
        ),
    ),
    needs=tuple(f"{_CODES}|{_NUMBERED}|{_PLACES}".lower().split("|")),
)
HASHES = Rules(
    (
        (r"(?<![\w&])#([0-9]{4,15})\b", _hash),
        (r"(?<![\w&])#(?=[0-9])", "number "),
    ),
    needs=("#",),
)
VERSIONS = Rules(
    (
        (r"(?<![\w.])(v)?([0-9]{1,9}(?:\.[0-9]{1,9}){2,8})(?![\w])", _version),
        (r"\bv(?=[0-9])", "version "),
    ),
    needs=r"v[0-9]|[0-9]\.[0-9]+\.[0-9]",
)
