"""Telephone and card numbers: "(212) 555-0147", "020 7946 0958", "+33 1 42 68 53 00", "1-800-FLOWERS"."""

import re

from voiceagent.text.english.number_words import digits
from voiceagent.text.english.patterns import COUNTED, Match, Rules

_GROUP = re.compile(r"[0-9]+")
_ASK = (
    r"\b([Cc]all|[Dd]ial|[Pp]hone|[Tt]ext|[Tt]elephone|[Ff]ax|[Mm]obile|[Cc]ell|[Hh]otline|WhatsApp|number is|reach us)"
    r"((?:,? (?:us|me|him|her|them|back|now|at|on|is|number|the number|to|[A-Z]{2,12})){0,3}:? )"
)
_SHORT = r"911|112|999|411|311|211|811|988"


def _groups(match: Match) -> str:
    """ "+1 (555) 123-4567" -> "plus one, five five five, one two three, four five six seven"."""
    return ("plus " if match[0][0] == "+" else "") + ", ".join(map(digits, _GROUP.findall(match[0])))


def _vanity(match: Match) -> str:
    """ "1-800-FLOWERS" -> "one eight hundred FLOWERS"."""
    prefix = "eight hundred" if match[2] == "800" else "nine hundred" if match[2] == "900" else digits(match[2])
    parts = [digits(part) if part.isdigit() else part for part in re.split("[- ]", match[3]) if part]
    return ("one " if match[1] else "") + " ".join([prefix, *parts])


def _asked(match: Match) -> str:
    """ "Dial 5550147" -> "Dial five five five zero one four seven"."""
    return f"{match[1]}{match[2]}{', '.join(map(digits, _GROUP.findall(match[3])))}"


VANITY = Rules(
    (
        (
            r"(?<![\w-])(1[- ])?([89][0-9]{2})-(?!(?:[GMKT]B|HP|[KM]W)\b)"
            r"((?:[A-Z0-9]{1,10}-){0,2}[A-Z]{2,10})(?![\w-])",
            _vanity,
        ),
        (r"(?<![\w-])(1-)(800|888|877|866|900)()(?![\w-])", _vanity),
    ),
    needs="-[A-Z0-9]",
)
RULES = Rules(
    (
        (
            r"(?<![\w.-])(?:\+?[0-9]{1,3}[-. ])?(?:\([0-9]{3}\) ?|[0-9]{3}[-. ])[0-9]{3}[-. ][0-9]{4}(?![\w-])"
            r"|\+[0-9][0-9 ()-]{6,18}[0-9]|(?<![\w.-])[0-9]{3}-[0-9]{4}(?![\w-])"
            # Groups after a trunk zero: "020 7946 0958", "(030) 123 456", "01 42 68 53 00".
            r"|(?<![\w.,/-])(?<![0-9] )\(?0[0-9]{1,4}\)?(?:[ -][0-9]{2,8}){1,5}(?![\w-]|[.,:/][0-9])"
            # A card's: four by four.
            r"|(?<![\w.-])[0-9]{4}(?:[ -][0-9]{4}){3}(?![\w-])"
            r"|(?<![\w.-])[0-9]++(?:-[0-9]++){2,}+(?![\w-])",
            _groups,
        ),
    ),
    needs=r"[0-9)][ .-]\(?[0-9]|\(0",
)
ASKED = Rules(
    (
        (_ASK + r"((?![0-9]+000\b)[0-9]{7,15}|[0-9]{3,5}(?: [0-9]{3,5}){1,3})(?![\w-]|[.,:/][0-9])", _asked),
        (_ASK + rf"({_SHORT}|[0-9]{{5,6}})(?![\w-]|[.,:/][0-9]|%|\s{COUNTED})", _asked),
    ),
    needs=("all", "ial", "hone", "ext", "fax", "obile", "ell", "otline", "whatsapp", "number is", "reach us"),
)
