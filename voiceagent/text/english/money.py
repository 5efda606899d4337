"""Sums of money: "$1.5 million", "US$20", "€3,50", "$5–10/month", "20 EUR", "a $20 bill"."""

from voiceagent.text.english.attributes import before_noun
from voiceagent.text.english.currencies import CURRENCIES, CURRENCY_CODES, MULTIPLES
from voiceagent.text.english.number_words import cardinal, number
from voiceagent.text.english.patterns import ALONE, NUMBER, RANGE, Match, Rules, any_of
from voiceagent.text.english.units import PER

Names = tuple[str, str, str, str]

_LETTERED = any_of([sign for sign in [*CURRENCIES, *CURRENCY_CODES] if sign[0].isalpha() and sign != "TRY"])
_ALONE_SIGNS = "".join(sign for sign in CURRENCIES if len(sign) == 1)
_SIGN = rf"(?:(?<![A-Za-z])(?:{_LETTERED})\.?|[{_ALONE_SIGNS}])"
_AFTER = any_of([*CURRENCIES, *CURRENCY_CODES])
# "$5 M&Ms": a letter that multiplies stands close.
_MULTIPLE = rf"(?:(?:[ -](?=[a-z]{{2}}))?({any_of(MULTIPLES)})\b)?+"
_COMMA = r"([0-9]{1,3}(?:[. '][0-9]{3})++|[0-9]++),([0-9]{2})(?![0-9]|[.,][0-9])"


def names_of(sign: str) -> Names:
    """Return what a sign or code is called: (one, many, one hundredth, many hundredths)."""
    sign = sign.rstrip(".")
    return CURRENCIES[CURRENCY_CODES.get(sign, sign)]


def amount(names: Names, written: str, multiple: str | None, *, singular: bool = False) -> str:
    """ "1234.56" -> "one thousand two hundred thirty-four dollars and fifty-six cents"; `singular` before a noun."""
    one, many, hundredth, hundredths = names
    if multiple:
        return f"{number(written)} {MULTIPLES[multiple]} {one if singular else many}"
    whole, _, part = written.partition(".")
    if len(part) != 2:
        return f"{number(written)} {one if singular or written == '1' else many}"
    sums = [f"{number(whole)} {one if singular or whole == '1' else many}"] if whole.strip("0") or part == "00" else []
    if part != "00":
        cents = int(part)
        sums.append(f"{cardinal(cents)} {hundredth if singular or cents == 1 else hundredths}")
    return " and ".join(sums)


def _money(match: Match) -> str:
    """ "$1,234.56"; "$10-20", "$5/month"."""
    minus, sign, first, first_multiple, last, last_multiple, code, per_unit, per = match.groups()
    names, singular = names_of(code or sign), before_noun(match)
    said = amount(names, last or first, last_multiple or first_multiple, singular=singular)
    if last and first_multiple not in (None, last_multiple):
        said = f"{number(first)} {MULTIPLES[first_multiple]} to {said}"
    elif last and len(first.partition(".")[2]) == 2:
        said = f"{amount(names, first, None)} to {said}"
    elif last:
        said = f"{number(first)} to {said}"
    return ("minus " if minus else "") + said + (f" per {PER[per_unit]}" if per_unit else " per " if per else "")


def _coded(match: Match) -> str:
    """ "20 EUR" -> "twenty euros"."""
    return amount(names_of(match[3]), match[1], match[2], singular=before_noun(match))


def _comma(match: Match) -> str:
    """ "€3,50" or "3,50 €" -> "three euros fifty"."""
    sign, whole, part = (match[3], match[1], match[2]) if match[1] else (match[4], match[5], match[6])
    names, whole = names_of(sign), "".join(character for character in whole if character.isdigit())
    if whole == "0":
        return amount(names, f"0.{part}", None)
    said = f"{number(whole)} {names[0] if whole == '1' else names[1]}"
    return f"{said} {cardinal(int(part))}" if part != "00" else said


COMMAS = Rules(
    ((rf"{ALONE}{_COMMA}\s?({_AFTER})(?!\w)|({_SIGN})\s?{_COMMA}", _comma),),
    needs=r"[0-9],[0-9]{2}(?![0-9])",
)
RULES = Rules(
    (
        (rf"{ALONE}({NUMBER})\s?([{_ALONE_SIGNS}]){RANGE}({NUMBER})\s?\2", r"\2\1-\3"),
        (rf"(?<!\w)([{_ALONE_SIGNS}])-(?=[0-9])", r"-\1"),
        (rf"([{_ALONE_SIGNS}])\.(?=[0-9]{{2}}\b)", r"\g<1>0."),
        (
            rf"((?<!\w)-)?({_SIGN})\s?({NUMBER}){_MULTIPLE}(?:{RANGE}(?:{_SIGN})?({NUMBER}){_MULTIPLE})?+"
            rf"(?:\s?(USD|AUD|CAD|NZD|HKD|SGD)\b)?+(?:/({any_of(PER)})\b|(/)(?=[A-Za-z]))?+",
            _money,
        ),
        (rf"{ALONE}({NUMBER})(?:\s?({any_of(MULTIPLES)}))?\s?({_AFTER})(?!\w)", _coded),
    ),
    needs=tuple({sign.lower() for sign in (*CURRENCIES, *CURRENCY_CODES)}),
)
