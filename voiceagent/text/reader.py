"""Writing out what is no word, for languages that write numbers with a decimal comma: the rules they share.

A language is a `Reader` with tables of its own, its own number words, and rules for what it writes in its own way
(dates, times, ordinals, telephones, Roman numerals, fractions). The order is the same for all: addresses and
abbreviations, which hold full stops and signs; the language's own rules; codes; grouped digits; sums; measures; counted
nouns; ranges; signs; and every digit that is left.

Each rule passes once over the text, in time linear in its length, and looks no further than a few words around.
A full stop that ends both an abbreviation and the sentence is kept. A number with one full stop and no group of three
digits ("3.5") is read with a point.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from voiceagent.text.addresses import read_addresses
from voiceagent.text.digits import ascii_digits, plain_fractions
from voiceagent.text.numerals import MOST_DIGITS, Numerals
from voiceagent.text.patterns import ALONE, Match, Rule, any_of

N = r"[0-9]++(?:[.,][0-9]++)?+"
"""A number, once its groups are joined."""
WHOLE = r"(?![0-9]|[.,][0-9])"
LETTER = r"[^\W\d_]"
DASH = r"\s?[-–]\s?"
TIMES = rf"(?<![\w.,/])([0-9]{{1,4}})\s?x(?!\w)(?=\s{LETTER}{{2}}|[.,;!?)]|$)"
""" "3x", as often."""
YEAR = re.compile(r"1[1-9][0-9]{2}")

_BLANKS = re.compile("[\u00a0\u2007\u2009\u202f]")
_PLAIN_SIGNS = str.maketrans({"℃": "°C", "℉": "°F", "−": "-", "‐": "-", "‑": "-", "№": "#", "µ": "μ"})
_GREEK = "αβγδεζηθικλμνξοπρστυφχψω"
_GROUPED = re.compile(
    r"(?<![\w.,])(?:[1-9][0-9]{0,2}"
    r"(?:(?:\.[0-9]{3}){1,6}+|(?:'[0-9]{3}){1,6}+|(?: [0-9]{3}){1,6}+|(?:,[0-9]{3}){2,6}+|,[0-9]{3}(?=\.[0-9]))"
    r"|(?<=\$)[1-9][0-9]{0,2},[0-9]{3})(?![0-9]|\.[0-9]{3})"
)
_LAST_WORD = re.compile(rf"({LETTER}++)[\s(\"']*$")
_NEXT_WORD = re.compile(r"[\s\"'”’)\]]{0,8}(\w{1,12}|$)")
_BLANK_BEFORE_MARK = re.compile(r" (?=[,.](?:\s|$))")


@dataclass(frozen=True, slots=True)
class Noun:
    """What is counted: its forms for one and many, and its gender, "m", "f" or "n"."""

    one: str
    many: str
    gender: str = "m"


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency and its hundredth."""

    unit: Noun
    hundredth: Noun


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list that blanks separate."""
    return frozenset(text.split())


def word_before(match: Match) -> str:
    """Return the word just before a match, as written; "" where there is none."""
    found = _LAST_WORD.search(match.string, max(0, match.start() - 30), match.start())
    return found[1] if found else ""


def full_year(written: str) -> int:
    """Return a year of four digits, or of two: 41-99 are of the last century."""
    return int(written) + (0 if len(written) == 4 else 1900 if written > "40" else 2000)


class Reader:
    """Reads one language. Subclasses give the tables, the number words and their own rules."""

    code: ClassVar[str]
    comma: ClassVar[str]
    point: ClassVar[str]
    minus: ClassVar[str]
    to: ClassVar[str]
    """Between the ends of a range."""
    per: ClassVar[str]
    number_sign: ClassVar[str]
    address: ClassVar[Mapping[str, str]]
    """The words for . - _ + / and @ in addresses."""
    units: ClassVar[Mapping[str, Noun]]
    currencies: ClassVar[Mapping[str, Currency]]
    """By sign, code and name."""
    multiples: ClassVar[Mapping[str, Noun]]
    """Written after a number: "Mio", "millones"."""
    signs: ClassVar[Mapping[str, str]]
    greek: ClassVar[tuple[str, ...]]
    """The names of the Greek letters, from alpha to omega."""
    leading: ClassVar[Mapping[str, str]]
    """Abbreviations without their last full stop, which never end a sentence, and their words."""
    trailing: ClassVar[Mapping[str, str]]
    """Those that may."""
    starters: ClassVar[frozenset[str]]
    code_words: ClassVar[str]
    """A pattern for the words whose number is said digit by digit."""
    fillers: ClassVar[str]
    """A pattern for what may stand between such a word and its number."""

    def __init__(self) -> None:
        self.numerals = Numerals(self.code)
        self._rules = tuple((re.compile(pattern), said) for pattern, said in self._all_rules())

    def read(self, text: str) -> str:
        """Return the text with everything written in digits, signs and abbreviations as words, blanks collapsed."""
        text = ascii_digits(plain_fractions(_BLANKS.sub(" ", text)).translate(_PLAIN_SIGNS))
        text = " ".join(read_addresses(text, self.address).split())
        for pattern, said in self._rules:
            text = pattern.sub(said, text)
        return _BLANK_BEFORE_MARK.sub("", " ".join(text.split()))

    # What a language decides

    def first_rules(self) -> tuple[Rule, ...]:
        """Return the rules for what the tables of abbreviations would read otherwise."""
        return ()

    def own_rules(self) -> tuple[Rule, ...]:
        """Return the rules for what the language writes in its own way."""
        raise NotImplementedError

    def cardinal(self, number: int, gender: str = "", before: str = "") -> str:
        """Return a whole number: counting ("eins") without a gender, else before a noun, after the word `before`."""
        raise NotImplementedError

    def decimals(self, digits: str) -> str:
        """Return what is said after the comma: up to three digits as a number, its zeros before it."""
        rest = digits.lstrip("0")
        if len(digits) > 3 or not rest:
            return self.numerals.digits(digits)
        return " ".join([*map(self.numerals.digits, digits[: -len(rest)]), self.cardinal(int(rest))])

    def is_one(self, amount: str) -> bool:
        """Return whether a written amount takes the singular."""
        return amount == "1"

    def linked(self, amount: str, noun: str) -> str:
        """Return a number's words and its noun put together: "un millón de euros"."""
        return f"{amount} {noun}"

    def sum_of(self, whole: str, part: str) -> str:
        """Return whole units and their hundredths put together."""
        return f"{whole} {part}"

    def counted(self, before: str, noun: str, following: str, number: int) -> str:
        """Return the gender of what a number counts, by the words around it; "" where it counts nothing."""
        raise NotImplementedError

    def low_end(self, low: str, gender: str) -> str:
        """Return the lower end of a range of what is counted."""
        return self.number(low, gender)

    def fraction(self, whole: str | None, top: int, bottom: int, counted: Noun | None, before: str) -> str:
        """Return "1/2", with a whole number before it or not, of what is counted."""
        raise NotImplementedError

    def plain(self, number: int, gender: str, before: str) -> str:
        """Return a number that nothing is known about: perhaps a year."""
        return self.cardinal(number, gender, before)

    # What all share

    def number(self, written: str, gender: str = "", before: str = "") -> str:
        """Return a number as written, its groups joined; leading zeros mean a code."""
        whole, mark, part = re.fullmatch(r"([0-9]+)([.,]?)([0-9]*)", written).groups()  # type: ignore[union-attr]
        if self._is_code(whole):
            spoken = self.numerals.digits(whole)
        else:
            spoken = self.cardinal(int(whole), "" if part else gender, before)
        decimals = self.decimals(part) if mark == "," else Reader.decimals(self, part)  # "3.11" is a version, too
        return f"{spoken} {self.comma if mark == ',' else self.point} {decimals}" if part else spoken

    def count(self, amount: str, noun: Noun, before: str = "", low: str | None = None) -> str:
        """Return an amount, or the range from `low`, of something."""
        spoken = self.number(amount, noun.gender, before)
        if low:
            spoken = f"{self.low_end(low, noun.gender)} {self.to} {spoken}"
        return self.linked(spoken, noun.one if self.is_one(amount) and not low else noun.many)

    def kept_stop(self, match: Match) -> str:
        """Return the match's last full stop where it ends the sentence, too: before a word that begins sentences."""
        following = _NEXT_WORD.match(match.string, match.end())
        if following is None or not match[0].endswith("."):
            return ""
        word = following[1]
        return "." if not word or (word.lower() in self.starters and not word.islower()) else ""

    def spaced_digits(self, match: Match) -> str:
        """Return a telephone number, digit by digit in its groups."""
        groups = re.findall(r"[0-9]+", match[0])
        return (f"{self.signs['+']} " if match[0][0] == "+" else "") + ", ".join(map(self.numerals.digits, groups))

    def _all_rules(self) -> tuple[Rule, ...]:
        symbol = any_of(self.currencies)
        sign = any_of(sign for sign in self.currencies if sign.isupper() or not sign.isalpha())
        unit = any_of(self.units)
        per = rf"(?:/(?:({unit})(?!\w)|(?={LETTER})))?+"
        multiple = rf"(?:\s?({any_of(self.multiples)})\b\.?)?+"
        abbreviation = any_of({**self.leading, **self.trailing}).replace(r"\.", r"\.\s?")  # "z.B" and "z. B"
        ranged = rf"(?:({N})(?:{DASH}|\s{self.to}\s)(?=[0-9]))?+"
        return (
            (r"º(?=[CF]\b)", "°"),
            *self.first_rules(),
            (rf"(?<![\w.])({abbreviation})\.(?!{LETTER})", self._abbreviation),
            (r"(?<![\w.,])[0-9]{4}(?: [0-9]{4}){2,8}(?: [0-9]{1,3})?(?![\w.,]?[0-9])", self.spaced_digits),
            (rf"(?<=[0-9]:[0-5][0-9]){DASH}(?=[0-9]{{1,2}}:[0-5][0-9])", f" {self.to} "),
            *self.own_rules(),
            (r"(?<![\w.-])[0-9]++(?:-[0-9]++){2,}+(?![\w-])", self.spaced_digits),
            (r"(?<![\w/.,])(24/7|50/50|9/11)(?![\w/]|[,.][0-9])", lambda match: match[1].replace("/", " ")),
            (
                rf"{ALONE}(?:([0-9]{{1,4}}) )?([0-9]{{1,4}})/([0-9]{{1,4}})(?![\w/]|[.,][0-9])"
                rf"(?: ?({unit})(?!\w)| ({LETTER}++))?",
                self._fraction,
            ),
            (rf"(?i)(?<!\w)({self.code_words})({self.fillers})([0-9]{{3,15}})(?![0-9]|[.,][0-9])", self._code),
            (r"\b([CFJ])#(?!\w)", r"\1 sharp"),
            (r"(?<![\w&])#\s?(?=[0-9])", f"{self.number_sign} "),
            (rf"(?i)(?<=\b{self.number_sign} )[0-9]{{2,9}}(?:[-/][0-9]{{2,9}}){{1,4}}(?![\w-])", self.spaced_digits),
            (r"(?<![\w.,])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w|\.[0-9])", self._network_address),
            (_GROUPED.pattern, lambda match: re.sub("[^0-9]", "", match[0])),
            (r"(?<![\w.])(v)?([0-9]{1,9}(?:\.[0-9]{1,9}){2,8})(?!\w)", self._dotted),
            (rf"{ALONE}({N}\s?(?:{unit})){DASH}(?=[0-9])", rf"\1 {self.to} "),
            (rf"{ALONE}({N}\s?(?:{unit}))/(?=[0-9])", rf"\1 {self.per} "),
            (rf"{ALONE}({N}\s?(?:{unit}))\s?[x×]\s?(?=[0-9])", rf"\1 {self.signs['×']} "),
            (rf"(?<={LETTER})-(?=[0-9])", " "),
            (rf"(?<![\w)\]-])-(?={sign}\s?[0-9]|[0-9])", f"{self.minus} "),
            (r"(?<=[0-9)])(?:\s?[*×]\s?|\s[x]\s|x)(?=[0-9(])", f" {self.signs['×']} "),
            # Sums.
            (rf"(?<!\w)({sign})\s?(?:({N}){DASH}(?:{sign})?(?=[0-9]))?+({N}){multiple}{per}", self._sum_after_sign),
            (rf"{ALONE}{ranged}({N}){multiple}\s?({symbol})(?!\w){per}", self._sum_before_sign),
            # Measures and what is counted.
            (rf"{ALONE}{ranged}({N}){multiple}\s?({unit})(?!\w){per}", self._measure),
            (rf"{ALONE}{ranged}({N})\s?({any_of(self.multiples)})\b\.?", self._multiple),
            (
                rf"\b((?:{any_of(word for word in self.multiples if len(word) > 3)}) d[e'] ?)({unit})(?!\w)",
                lambda match: match[1] + self.units[match[2]].many,
            ),
            (rf"{ALONE}{ranged}({N})( |-)(?=({LETTER}++)(?: ({LETTER}++))?+)", self._counted),
            (rf"{ALONE}({N})(?:-|\s?–\s?)(?=[0-9])", rf"\1 {self.to} "),
            # Signs.
            (r"(?<=[0-9)]) - (?=[0-9(])", f" {self.minus} "),
            (r"~\s?(?=[0-9])", f"{self.signs['≈']} "),
            (r"(?<=\s)<(?=\s)|(?<=[\w)])<(?=[0-9])|(?<!\w)<(?=\s?[0-9])", f" {self.signs['<']} "),
            (r"(?<=\s)>(?=\s)|(?<=[\w)])>(?=[0-9])|(?<!\w)>(?=\s?[0-9])", f" {self.signs['>']} "),
            (r"\^(?=[\w(-])", f" {self.signs['^']} "),
            (any_of(sign for sign in self.signs if sign not in "<>^"), lambda match: f" {self.signs[match[0]]} "),
            (any_of(sign for sign in self.currencies if not sign.isalpha()), self._lone_currency),
            (rf"(?<![{_GREEK}])[{_GREEK}ΓΔΘΛΞΠΣΦΨΩ](?![{_GREEK}ά-ώ])", self._letter),
            # Any digits that are left.
            (rf"(?<={LETTER})-?(?=[0-9])|(?<=[0-9])(?={LETTER})", " "),
            (N, self._left),
        )

    def _abbreviation(self, match: Match) -> str:
        written = re.sub(r"\s", "", match[1])
        words = self.leading.get(written)
        return words if words is not None else self.trailing[written] + self.kept_stop(match)

    def _code(self, match: Match) -> str:
        return f"{match[1]}{match[2]}{self.numerals.digits(match[3])}"

    def _fraction(self, match: Match) -> str:
        whole, over, under, unit, noun = match.groups()
        counted, rest = (self.units[unit] if unit else None), f" {noun}" if noun else ""
        if noun and (gender := self.counted("", noun, "", 1)):
            counted, rest = Noun(noun, noun, gender), ""
        if len(over) == 4:
            return f"{self._number(over, '', '')} {self.number(under)}{f' {counted.many}' if counted else rest}"
        return self.fraction(whole, int(over), int(under), counted, word_before(match)) + rest

    def _network_address(self, match: Match) -> str:
        grouped = all(len(part) == 3 for part in match[0].split(".")[1:])
        return match[0] if grouped else f" {self.point} ".join(map(self.number, match[0].split(".")))

    def _dotted(self, match: Match) -> str:
        """A version, or an address of the network: "v2.0.1"."""
        parts = f" {self.point} ".join(self.number(part) for part in match[2].split("."))
        return f"Version {parts}" if match[1] else parts

    def _sum_after_sign(self, match: Match) -> str:
        symbol, low, amount, multiple, per = match.groups()
        return self._sum(match, symbol, low, amount, multiple) + self._per(match, per)

    def _sum_before_sign(self, match: Match) -> str:
        low, amount, multiple, symbol, per = match.groups()
        return self._sum(match, symbol, low, amount, multiple) + self._per(match, per)

    def _sum(self, match: Match, symbol: str, low: str | None, amount: str, multiple: str | None) -> str:
        currency, before = self.currencies[symbol], word_before(match)
        whole, _, part = amount.replace(".", ",").partition(",")
        if multiple:
            return self.linked(self.count(amount, self.multiples[multiple], before, low), currency.unit.many)
        if low or len(part) != 2:
            return self.count(amount, currency.unit, before, low)
        if part == "00":
            return self.count(whole, currency.unit, before)
        if not whole.strip("0"):
            return self.count(str(int(part)), currency.hundredth, before)
        return self.sum_of(self.count(whole, currency.unit, before), self.cardinal(int(part)))

    def _per(self, match: Match, unit: str | None) -> str:
        """Return what follows a slash: "pro Kilowattstunde"; where it is a word, that one follows in the text."""
        return f" {self.per} {self.units[unit].one}" if unit else f" {self.per} " if match[0].endswith("/") else ""

    def _measure(self, match: Match) -> str:
        low, amount, multiple, unit, per = match.groups()
        noun = self.units[unit]
        spoken = self.count(amount, self.multiples[multiple] if multiple else noun, word_before(match), low)
        spoken = self.linked(spoken, noun.many) if multiple else spoken
        return spoken + self._per(match, per) + self.kept_stop(match)

    def _multiple(self, match: Match) -> str:
        low, amount, multiple = match.groups()
        return self.count(amount, self.multiples[multiple], word_before(match), low) + self.kept_stop(match)

    def _counted(self, match: Match) -> str:
        low, amount, gap, noun, following = match.groups(default="")
        before = word_before(match)
        number = 1 if low == "1" else int(amount) if amount.isdigit() and not self._is_code(amount) else 2
        gender = self.counted(before, noun, following, number)
        spoken = self._number(amount, gender, before)
        if low:
            first = self._number(low, "", before) if YEAR.fullmatch(low) else self.low_end(low, gender)
            spoken = f"{first} {self.to} {spoken}"
        return self.linked(spoken, noun)[: -len(noun)] if gender and gap == " " else spoken + gap

    def _number(self, written: str, gender: str, before: str) -> str:
        if YEAR.fullmatch(written):
            return self.plain(int(written), gender, before)
        return self.number(written, gender, before)

    def _lone_currency(self, match: Match) -> str:
        return f" {self.currencies[match[0]].unit.many} "

    def _letter(self, match: Match) -> str:
        return f" {self.greek[_GREEK.index(match[0].lower())]} "

    def _left(self, match: Match) -> str:
        return self._number(match[0], "", "")

    @staticmethod
    def _is_code(whole: str) -> bool:
        return len(whole) > MOST_DIGITS or (len(whole) > 1 and whole[0] == "0")
