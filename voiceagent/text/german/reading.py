"""German: how ordinals, dates, times, rulers, telephones and fractions are said.

An ordinal's ending follows the word before it and the gender of the noun after it ("am dritten Mai", "der dritte Mai",
"in der dritten Woche"); gender is guessed from a noun's ending. "3." ends a sentence before a word that is neither a
month nor a noun that ordinals go with, unless an article stands before it. "1" is inflected after prepositions.
"""

import re

from voiceagent.text.german import words as table
from voiceagent.text.patterns import ALONE, Match, Rule, any_of
from voiceagent.text.reader import DASH, LETTER, TIMES, WHOLE, YEAR, Noun, Reader, full_year, word_before, word_set
from voiceagent.text.roman import value as roman

_ORDINAL_NOUNS = {
    **dict.fromkeys(table.MONTHS, "m"),
    **dict.fromkeys(table.ORDINAL_MASCULINE.split(), "m"),
    **dict.fromkeys(table.ORDINAL_FEMININE.split(), "f"),
    **dict.fromkeys(table.ORDINAL_NEUTER.split(), "n"),
}
_ENDINGS = {"m": "ordinal-r", "f": "ordinal", "n": "ordinal-s"}
_SUFFIXES = "mal|fach|jährig|tägig|köpfig|stündig|minütig|stellig|prozentig"
_TIME = r"([01]?[0-9]|2[0-4])(?:[:.]([0-5][0-9]))?"
_DATIVE = word_set("ab aus bei mit nach seit von vor zu in zwischen")
_ACCUSATIVE = word_set("für um ohne durch gegen pro kostet kosten habe hat haben hatte hatten nimm gib zahle zahlt")
_CASES = {"m": ("cardinal-m", "cardinal-n"), "n": ("cardinal-m", "cardinal-masculine")}
_CASES["f"] = ("cardinal-r", "cardinal-feminine")
_ONE = {"m": "cardinal-masculine", "n": "cardinal-masculine", "f": "cardinal-feminine", "acc": "cardinal-n"}


def gender_of(noun: str) -> str:
    """Return the likely gender of a noun: "m", "f" or "n"."""
    if noun in _ORDINAL_NOUNS:
        return _ORDINAL_NOUNS[noun]
    if noun in table.NEUTERS or noun.endswith(table.NEUTER_ENDINGS):
        return "n"
    if noun in table.MASCULINES_IN_E:
        return "m"
    return "f" if noun in table.FEMININES or noun.endswith(table.FEMININE_ENDINGS) else "m"


def ordinal_rules(before: str, noun: str) -> str:
    """Return CLDR's rules for an ordinal between two words: "am", "Mai" -> "ordinal-n"."""
    before = before.lower()
    if before in table.WEAK_N or (before in table.DER and noun[:1].isupper() and gender_of(noun) == "f"):
        return "ordinal-n"
    if before in table.WEAK_E or before in table.DER:
        return "ordinal"
    if noun in table.MONTHS and before in table.PREPOSITIONS:
        return "ordinal-n"
    return _ENDINGS[gender_of(noun)]


class German(Reader):
    """Reads German."""

    code = "de"
    comma, point, minus, to, per, number_sign = "Komma", "Punkt", "minus", "bis", "pro", "Nummer"
    address, signs, greek = table.ADDRESS, table.SIGNS, table.GREEK
    units, currencies, multiples = table.UNITS, table.CURRENCIES, table.MULTIPLES
    leading, trailing, starters = table.LEADING, table.TRAILING, table.STARTERS
    code_words = (
        "PIN|PUK|TAN|Code|Zugangscode|Passwort|Kennwort|PLZ|Postleitzahl|Kundennummer|Bestellnummer|Durchwahl|Notruf"
        "|Kontonummer|Rechnungsnummer|wählen Sie|rufen Sie|Telefonnummer|Rufnummer|Handynummer|Faxnummer|Seriennummer"
    )
    fillers = r"(?:(?: ist| lautet| unter| die| der|:| Nummer){0,3}) ?"

    def first_rules(self) -> tuple[Rule, ...]:
        """Return the rules for "Fr." before a name, which is no Friday, and for "Jan.", which may be one."""
        return (
            (r"(?<![\w.])Fr\. ?(?=[A-ZÄÖÜ][a-zäöü])", "Frau "),
            (r"(?<=[0-9]\. )Jan\.|(?<!\w)Jan\.(?= ?[0-9])", "Januar"),
        )

    def own_rules(self) -> tuple[Rule, ...]:
        """Return the rules for what German writes in its own way."""
        month = any_of(table.MONTHS)
        noun = any_of(_ORDINAL_NOUNS)
        ordinal = r"[0-9]{1,3}(?:\.[0-9]{3}){0,2}|[IVX]{1,6}"
        others = rf"((?:(?:,? (?:und|oder|bis) |[/,] ?|{DASH})(?:{ordinal})\.){{0,6}})(?![0-9])"
        # A noun that ordinals go with, or a word that only an ordinal stands before.
        following = rf"(?=( (?:{noun})\b| (?:und|oder|bis|des|der|von|vom|im)\b)?)(?=(?:\s[\"']?({LETTER}++))?)"
        return (
            (rf"(?<![\w.])({any_of(table.NUMBERED)})\.\s?(?=[0-9IVX])", lambda match: f"{table.NUMBERED[match[1]]} "),
            (r"(?<=[a-zäöüß])str\.(?!\w)", lambda match: f"straße{self.kept_stop(match)}"),
            (rf"\b({table.KINGS}|{table.QUEENS})(s?) ([IVX]{{1,6}})\b(\.?)", self._ruler),
            (rf"\b({table.NUMBERED_BY_ROMAN}) ([IVX]{{1,6}})(?![.\w])", self._by_roman),
            (r"(?<=[0-9]),[-–]{1,2}(?![\w-])", ""),
            # Dates.
            (r"(?<![\w-])([0-9]{4})-([01]?[0-9])-([0-3]?[0-9])(?![\w-])", self._iso_date),
            (rf"(?<![\w.])([0-9]{{1,2}})\.{DASH}([0-9]{{1,2}})\.(?=\s?(?:{month}|[0-9]{{1,2}}\.))", r"\1. bis \2."),
            (
                r"(?<![\w.])([0-9]{1,2})\.\s?([0-9]{1,2})\.(?:(?:\s?([0-9]{4})|([0-9]{2}))\b(?!\.[0-9]))?(?![0-9])",
                self._date,
            ),
            # Times.
            (rf"(?<![\w:.,]){_TIME}(?:{DASH}| bis ){_TIME} ?Uhr\b", self._times),
            (rf"(?<![\w:.,]){_TIME} ?Uhr\b(?: ([0-5]?[0-9])\b{WHOLE})?", self._clock),
            (r"(?<![\w:.,])([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?(?![\w:])", self._time),
            (r"(?<![\w:.])([0-9]{1,3}):([0-9]{1,6})(?![\w:])", r"\1 zu \2"),
            # Telephones.
            (
                r"\+(?=(?:[ ()/-]{0,2}[0-9]){8,15}(?![0-9]))[0-9]{1,3}(?: ?\(0\))?(?:[ /-]?\(?[0-9]{2,12}\)?){1,7}"
                r"|(?<![\w.,/+-])\(?(?=0(?:[ ()/-]{0,3}[0-9]){6,15}(?![0-9]))0[0-9]{1,5}\)?"
                r"(?:[ /-]{1,3}[0-9]{2,10}){1,6}",
                self.spaced_digits,
            ),
            # Ordinals, also as markdown leaves them at the beginning of a line: "3, Mai".
            (rf"(?:\A|(?<=[.:!?] ))([0-9]{{1,3}}), (?=(?:{noun})\b|(?:und|oder|bis) [0-9]{{1,2}}\.)", r"\1. "),
            (rf"(?:\A|(?<=[.:!?] ))([0-9]{{1,2}})[.),] (?=[A-ZÄÖÜ])(?!(?:{noun})\b)", self._item),
            (rf"{ALONE}({ordinal})\.{others}{following}", self._ordinal),
            (rf"{ALONE}([0-9]{{1,4}}) ?%(?=ig)", r"\1-prozent"),
            (r"(?:(?<=[0-9], )|(?<=[0-9][a-z], ))(?![0-9]{2}000)[0-9]{5}(?= [A-ZÄÖÜ])", self.spaced_digits),
            # Decades, compounds and fractions.
            (r"(?<![\w.,])'?([0-9]{1,4})er(n?)\b", lambda match: f"{self._left_year(match[1])}er{match[2]}"),
            (
                rf"{ALONE}([0-9.,]{{0,9}}[0-9])-?(?=(?:{_SUFFIXES}){LETTER}*+\b)",
                lambda match: self.number(re.sub(r"\.(?=[0-9]{3})", "", match[1]), "m"),
            ),
            (TIMES, lambda match: f"{self.cardinal(int(match[1]), 'm')}mal"),
        )

    def cardinal(self, number: int, gender: str = "", before: str = "") -> str:
        """Return a whole number; "1" takes the gender and the case that the word before asks for."""
        if number != 1 or not gender:
            return self.numerals.say(number, "numbering" if number % 100 == 1 or not gender else "cardinal-masculine")
        before = before.lower()
        if before in _DATIVE and gender in _CASES:
            return self.numerals.say(1, _CASES[gender][0])
        if before in _ACCUSATIVE and gender in _CASES:
            return self.numerals.say(1, _CASES[gender][1])
        return self.numerals.say(1, _ONE[gender])

    def plain(self, number: int, gender: str, before: str) -> str:
        """Return a number such as 1984 by hundreds: "neunzehnhundertvierundachtzig"."""
        return self.numerals.say(number, "numbering-year")

    def decimals(self, digits: str) -> str:
        """Return the digits one by one."""
        return self.numerals.digits(digits)

    def linked(self, amount: str, noun: str) -> str:
        """Return a number and its noun; thousands are one word."""
        return f"{amount}{noun}" if noun == "tausend" and " " not in amount else f"{amount} {noun}"

    def counted(self, before: str, noun: str, following: str, number: int) -> str:
        """Return the gender of a noun, or that of its adjective's ending: "1 kleines Kind"."""
        if number != 1 or before in table.LABELS:
            return ""
        if noun[0].isupper():
            return gender_of(noun)
        if following[:1].isupper():
            return {"e": "f", "s": "n", "r": "m", "n": "acc"}.get(noun[-1], "")
        return ""

    def _ordinal(self, match: Match) -> str:
        first, others, fitting, noun = match.groups(default="")
        before = word_before(match)
        known = before.lower() in table.DETERMINERS or (before == "als" and bool(fitting or noun.islower()))
        if first.isalpha() and not (fitting[1:] in _ORDINAL_NOUNS or (known and len(first) > 1)):
            return match[0]
        if not (known or others or fitting[1:] in _ORDINAL_NOUNS or (fitting and before.lower() in table.PREPOSITIONS)):
            return match[0]
        rules = ordinal_rules(before, noun)
        spoken = re.sub(r"([IVX]+|[0-9.]*[0-9])\.", lambda rank: self._rank(rank[1], rules), match[0])
        spoken = re.sub(DASH, " bis ", spoken).replace("/", ", ")
        ends = match.end() == len(match.string) or (noun.lower() in self.starters and noun[:1].isupper())
        return spoken + ("." if ends else "")

    def _rank(self, written: str, rules: str) -> str:
        """Return a number in digits or Roman numerals; what is none ("IIII") stays."""
        number = roman(written) if written.isalpha() else int(written.replace(".", ""))
        return self.numerals.say(number, rules) if number else f"{written}."

    def _item(self, match: Match) -> str:
        return f"{self.numerals.say(int(match[1]), 'ordinal-n')}s, "

    def _ruler(self, match: Match) -> str:
        name, genitive, numeral, stop = match.groups()
        number, before = roman(numeral), word_before(match).lower()
        if not number:
            return match[0]
        king = name in table.KINGS.split("|")
        if genitive:
            article = "des" if king else "der"
        elif before in _DATIVE or before == "unter":
            article = "dem" if king else "der"
        else:
            article = "der" if king else "die"
        rank = self.numerals.say(number, "ordinal" if article == ("der" if king else "die") else "ordinal-n")
        return f"{name}{genitive} {article} {rank.capitalize()}" + (self.kept_stop(match) if stop else "")

    def _by_roman(self, match: Match) -> str:
        number = roman(match[2])
        return f"{match[1]} {self.cardinal(number)}" if number else match[0]

    def _day(self, match: Match, day: int, month: int, year: str | None) -> str | None:
        if not (1 <= day <= 31 and 1 <= month <= 12):
            return None
        name = table.MONTHS[month - 1]
        spoken = f"{self.numerals.say(day, ordinal_rules(word_before(match), name))} {name}"
        return spoken + (f" {self._left_year(str(full_year(year)))}" if year else "")

    def _iso_date(self, match: Match) -> str:
        return self._day(match, int(match[3]), int(match[2]), match[1]) or match[0]

    def _date(self, match: Match) -> str:
        spoken = self._day(match, int(match[1]), int(match[2]), match[3] or match[4])
        return spoken + self.kept_stop(match) if spoken else match[0]

    def _left_year(self, written: str) -> str:
        return self.plain(int(written), "", "") if YEAR.fullmatch(written) else self.number(written)

    def _clock(self, match: Match) -> str:
        """ "14:30 Uhr" -> "vierzehn Uhr dreißig"."""
        minute = int(match[2] or match[3] or 0)
        return f"{self.cardinal(int(match[1]), 'n')} Uhr" + (f" {self.cardinal(minute)}" if minute else "")

    def _time(self, match: Match) -> str:
        hour, minute, second = match.groups(default="0")
        spoken = f"{self.cardinal(int(hour), 'n')} Uhr" + (f" {self.cardinal(int(minute))}" if int(minute) else "")
        return spoken + (f" und {self.count(str(int(second)), self.units['s'])}" if int(second) else "")

    def _times(self, match: Match) -> str:
        """ "9-17 Uhr" -> "neun bis siebzehn Uhr"."""
        hour, minute, last, last_minute = match.groups()
        begin = self.cardinal(int(hour), "n") + (f" Uhr {self.cardinal(int(minute))}" if int(minute or 0) else "")
        end = f"{self.cardinal(int(last), 'n')} Uhr" + (
            f" {self.cardinal(int(last_minute))}" if int(last_minute or 0) else ""
        )
        return f"{begin} bis {end}"

    def low_end(self, low: str, gender: str) -> str:
        """Return the lower end of a range: "ein bis zwei Stunden"."""
        return self.number(low, "m" if gender else "")

    def fraction(self, whole: str | None, top: int, bottom: int, counted: Noun | None, before: str) -> str:
        """Return "drei Viertel", "ein halber Liter", "acht von zehn"."""
        if (top, bottom) == (1, 2):
            spoken = self._half(whole, counted.gender if counted else "", before)
            return f"{spoken} {counted.many if whole else counted.one}" if counted else spoken
        if 0 < top < bottom <= 20 and (top == 1 or bottom != 10):
            part = self.numerals.say(bottom, "ordinal") + "l"
            spoken = f"{self.cardinal(top, 'n')} {part.capitalize()}"
        elif top < bottom and bottom in (10, 100):
            spoken = f"{self.cardinal(top)} von {self.cardinal(bottom)}"
        elif top > 40 and bottom > 20:
            spoken = f"{self.cardinal(top)} zu {self.cardinal(bottom)}"
        else:
            spoken = f"{self.cardinal(top)} Schrägstrich {self.cardinal(bottom)}"
        spoken = f"{self.number(whole)} {spoken}" if whole else spoken
        return f"{spoken} {counted.many if whole else counted.one}" if counted else spoken

    def _half(self, whole: str | None, gender: str, before: str) -> str:
        if whole:
            return f"{self.cardinal(int(whole), 'n')}einhalb"
        if not gender:
            return "ein halb"
        one = self.cardinal(1, gender, before)
        ending = {"ein": "er" if gender == "m" else "es", "eine": "e"}.get(one, "en")
        return f"{one} halb{ending}"
