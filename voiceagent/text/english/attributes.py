"""Whether a sum or measure stands before a noun, where its unit is in the singular: "a $20 bill", "a 5 km run"."""

import re

from voiceagent.text.english.patterns import Match

_ARTICLE = re.compile(r"(?i)\ban?\s$")
_DETERMINERS = "the|this|that|my|your|his|her|its|our|their|each|every|another|any|no|one|two|three"
_DETERMINER = re.compile(rf"(?i)\b(?:{_DETERMINERS})\s$")
_NEXT = re.compile(r"[ -]([a-z]{2,20})\b")
_FUNCTION_WORDS = (
    "and or but nor to from in on at of for with by is was were are has had away per an the more less each apiece ago "
    "later than if as so that which who when while because instead plus minus times not it he she they we you"
)
_NO_NOUN = frozenset(_FUNCTION_WORDS.split())
_HEADS = (
    "bill note coin loan fee fine ticket prize deposit gift card voucher budget deal check cheque bonus discount tip "
    "payment project investment grant reward charge fund market industry company plan house home contract donation "
    "salary raise bet coupon rebate subsidy bailout settlement lawsuit valuation debt mortgage program package "
    "purchase order item menu lunch dinner meal shirt book bottle bag box pack cup "
    "run race walk hike swim ride drive trip tour stretch stage radius limit zone mark distance detour commute sprint "
    "dash jump cable screen disk hose rope pole wall lens bulb battery charger file plate slice serving dose"
)
_MEASURED = frozenset(_HEADS.split())


def before_noun(match: Match) -> bool:
    """Return whether what was matched describes the noun after it."""
    following = _NEXT.match(match.string, match.end())
    if following is None or following[1] in _NO_NOUN:
        return False
    before = match.string[max(0, match.start() - 10) : match.start()]
    if _ARTICLE.search(before):
        return True
    head = following[1] in _MEASURED or following[1].removesuffix("s") in _MEASURED
    return head and bool(_DETERMINER.search(before) or following[1].endswith("s"))
