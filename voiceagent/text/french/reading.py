"""French: how ordinals, dates, times, rulers, telephones and fractions are said.

Numbers are those of France ("soixante-dix", "quatre-vingts"). "1" and numbers that end in it agree with what they count
("vingt-et-une heures"); which nouns are feminine is known from a list and from their endings. Telephone numbers are
said in pairs ("zéro six, douze"), as people do.
"""

import re

from voiceagent.text.french import words as table
from voiceagent.text.patterns import ALONE, Match, Rule, any_of
from voiceagent.text.reader import DASH, LETTER, TIMES, Noun, Reader, full_year, word_set
from voiceagent.text.roman import value as roman

_ROUND_MILLIONS = re.compile(r"(?:million|milliard|billion|billiard)s?$")
_VOWELS = tuple("aeiouyhâàéèêëîïôœûù")
_PARTS = {2: ("demi", "demis"), 3: ("tiers", "tiers"), 4: ("quart", "quarts")}
_RANK = "ers?|ères?|res?|èmes?|emes?|ièmes?|es?|ᵉʳ|ʳᵉ|ᵉ|nde?s?"
_NO_NOUNS = table.STARTERS | word_set("de du d h ou a ont sont était étaient contre entre jusqu")
_ADJECTIVES = word_set(
    "grande grandes petite petites bonne bonnes belle belles autre autres nouvelle nouvelles première dernière "
    "meilleure meilleures jeune jeunes"
)


class French(Reader):
    """Reads French."""

    code = "fr"
    comma, point, minus, to, per, number_sign = "virgule", "point", "moins", "à", "par", "numéro"
    address, signs, greek = table.ADDRESS, table.SIGNS, table.GREEK
    units, currencies, multiples = table.UNITS, table.CURRENCIES, table.MULTIPLES
    leading, trailing, starters = table.LEADING, table.TRAILING, table.STARTERS
    code_words = (
        "codes?|code PIN|PIN|NIP|mot de passe|code d'accès|poste"
        "|code de (?:sécurité|vérification|confirmation|réservation)"
        "|numéro de (?:commande|dossier|client|compte|série|réservation|suivi)"
    )
    fillers = r"(?:(?: est| le| PIN|:| :| numéro){0,3}) ?"

    def own_rules(self) -> tuple[Rule, ...]:
        """Return the rules for what French writes in its own way."""
        month = any_of(table.MONTHS)
        hour, minute = r"([01]?[0-9]|2[0-4])", "([0-5][0-9])"
        roman_ = r"([IVX]{1,7})"
        return (
            (rf"(?<![\w.])({any_of(table.NUMBERED)})\s?(?=[0-9IVX])", lambda match: f"{table.NUMBERED[match[1]]} "),
            (rf"(?<![\w.-])({any_of(table.BARE)})\b\.?(?=\s[A-ZÀ-Ý])", lambda match: table.BARE[match[1]]),
            (r"(?<![\w-])S(te?)-(?=[A-ZÀ-Ý])", lambda match: "Saint-" if match[1] == "t" else "Sainte-"),
            # Roman numerals.
            (rf"(?<![\w-])({table.KINGS}|{table.QUEENS}) {roman_}(?:er|re)?(?!\w)", self._ruler),
            (r"(?<=[IVX]e) s\.(?= [a-zà-ÿ]|[,;)])", " siècle"),
            (rf"(?<!\w){roman_}(er|e|ème|ᵉʳ|ᵉ)(?!\w)", self._roman_rank),
            (rf"(?i:(?<!\w)({table.NUMBERED_BY_ROMAN})) {roman_}(?!\w)", self._by_roman),
            # Dates.
            (r"(?<![\w-])([0-9]{4})-([01]?[0-9])-([0-3]?[0-9])(?![\w-])", self._iso_date),
            (r"(?<![\w/.-])([0-3]?[0-9])([/.-])([01]?[0-9])\2([0-9]{4}|[0-9]{2})(?![\w/-]|\.[0-9])", self._date),
            (r"(?i)(?<=\ble )([0-3]?[0-9])/(1[0-2]|0?[1-9])(?![\w/]|[.,][0-9])", self._short_date),
            (rf"(?i){ALONE}1 (?={month})", "premier "),
            # Times.
            (r"\b([Dd])e (?=1(?: ?h(?:eures?\b|\b|[0-9 ])| ?[€$%]| [^\W\d_]{2}))", r"\1'"),
            (r"(?<![\w/])24 ?h(?:eures)? ?(?:/|sur) ?24\b", "24 heures sur 24"),
            (r"(?<![\w/])7 ?j(?:ours)? ?(?:/|sur) ?7\b", "7 jours sur 7"),
            (rf"(?<=[0-9][hH])({minute[1:-1]})?{DASH}(?=[0-9])", lambda match: f"{match[1] or ''} {self.to} "),
            (
                rf"(?<![\w:.,-]){hour} ?[hH](?: ?{minute}(?: ?(?:min|mn)\b)?(?![0-9]|[.,][0-9]))?()(?!{LETTER}|/)",
                self._time,
            ),
            (rf"(?<![\w:.,]){hour}:{minute}(?::{minute})?(?: ?h\b)?(?![\w:])", self._time),
            (r"(?<![\w:.])([0-9]{1,3}):([0-9]{1,6})(?![\w:])", r"\1 à \2"),
            # Telephones.
            (
                r"(?<![\w.,+-])0[1-9](?:[ .-]?[0-9]{2}){4}(?![\w.,]?[0-9])"
                r"|(?<![\w.,+-])0 ?8[0-9]{2}(?: ?[0-9]{3}){2}(?![\w.,]?[0-9])"
                r"|\+(?=(?:[ ().-]{0,2}[0-9]){8,15}(?![0-9]))[0-9]{1,3}(?: ?\(0\))?(?:[ .-]?[0-9]{1,12}){1,7}",
                self._telephone,
            ),
            # Ranks and decades.
            (rf"(?<![\w.,])([0-9]{{1,4}})({_RANK})(?!\w)", self._rank),
            (r"(?<!\w)2(de?)(?!\w)", lambda match: "seconde" if match[1] == "de" else "second"),
            (TIMES, lambda match: f"{self.cardinal(int(match[1]), 'f')} fois"),
        )

    def cardinal(self, number: int, gender: str = "", before: str = "") -> str:
        """Return a whole number, in the gender of what it counts."""
        return self.numerals.say(number, "cardinal-feminine" if gender == "f" else "numbering")

    def is_one(self, amount: str) -> bool:
        """Return whether an amount is below two, which takes the singular: "1,5 litre"."""
        return float(amount.replace(",", ".")) < 2

    def linked(self, amount: str, noun: str) -> str:
        """Return a number and its noun, with "de" after round millions."""
        if not _ROUND_MILLIONS.search(amount) or _ROUND_MILLIONS.search(noun) or noun.startswith("pour "):
            return f"{amount} {noun}"
        return f"{amount} d'{noun}" if noun.lower().startswith(_VOWELS) else f"{amount} de {noun}"

    def counted(self, before: str, noun: str, following: str, number: int) -> str:
        """Return the gender of what is counted."""
        word = noun.lower()
        if word in _NO_NOUNS:
            return ""
        if word in table.FEMININE or (word in _ADJECTIVES and self.counted("", following or "x", "", 1) == "f"):
            return "f"
        return "f" if word.endswith(table.FEMININE_ENDINGS) and word not in table.MASCULINE else "m"

    def fraction(self, whole: str | None, top: int, bottom: int, counted: Noun | None, before: str) -> str:
        """Return "trois quarts", "une demi-heure", "deux heures et demie", "huit sur dix"."""
        feminine = counted is not None and counted.gender == "f"
        if (top, bottom) == (1, 2):
            if whole:
                spoken = self.count(whole, counted) if counted else self.number(whole)
                return f"{spoken} et demi{'e' if feminine else ''}"
            return f"{'une' if feminine else 'un'} demi" + (f"-{counted.one}" if counted else "")
        if 0 < top < bottom <= 10 and (top == 1 or bottom != 10):
            rank = self.numerals.say(bottom, "ordinal-masculine")
            spoken = f"{self.cardinal(top)} {_PARTS.get(bottom, (rank, f'{rank}s'))[top > 1]}"
            if counted:
                spoken += f" d'{counted.one}" if counted.one.lower().startswith(_VOWELS) else f" de {counted.one}"
        else:
            spoken = f"{self.cardinal(top)} sur {self.cardinal(bottom)}" + (f" {counted.many}" if counted else "")
        return f"{self.number(whole)} et {spoken}" if whole else spoken

    def _rank(self, match: Match) -> str:
        """ "1er" -> "premier", "2nde" -> "seconde", "21e" -> "vingt-et-unième"."""
        return self._ranked(int(match[1]), match[2]) if int(match[1]) else match[0]

    def _ranked(self, number: int, suffix: str) -> str:
        plural = "s" if suffix.endswith("s") else ""
        if suffix.startswith("nd") and number == 2:
            return f"second{'e' if 'e' in suffix else ''}{plural}"
        feminine = number == 1 and suffix.startswith(("re", "è", "ʳ"))
        return self.numerals.say(number, f"ordinal-{'feminine' if feminine else 'masculine'}") + plural

    def _roman_rank(self, match: Match) -> str:
        number = roman(match[1])
        return self._ranked(number, match[2]) if number else match[0]

    def _ruler(self, match: Match) -> str:
        """ "Louis XIV" -> "Louis quatorze"."""
        number = roman(match[2])
        first = "première" if match[1] in table.QUEENS.split("|") else "premier"
        return f"{match[1]} {self.cardinal(number) if number > 1 else first}" if number else match[0]

    def _by_roman(self, match: Match) -> str:
        number = roman(match[2])
        return f"{match[1]} {self.cardinal(number)}" if number else match[0]

    def _said_date(self, day: int, month: int, year: int | None) -> str | None:
        if not (1 <= day <= 31 and 1 <= month <= 12):
            return None
        spoken = f"{'premier' if day == 1 else self.cardinal(day)} {table.MONTHS[month - 1]}"
        return f"{spoken} {self.cardinal(year)}" if year else spoken

    def _short_date(self, match: Match) -> str:
        return self._said_date(int(match[1]), int(match[2]), None) or match[0]

    def _iso_date(self, match: Match) -> str:
        return self._said_date(int(match[3]), int(match[2]), int(match[1])) or match[0]

    def _date(self, match: Match) -> str:
        return self._said_date(int(match[1]), int(match[3]), full_year(match[4])) or match[0]

    def _time(self, match: Match) -> str:
        """ "14h30" -> "quatorze heures trente"."""
        hour, minute, second = (int(part or 0) for part in match.groups())
        spoken = self.count(str(hour), self.units["h"]) + (f" {self.cardinal(minute, 'f')}" if minute else "")
        return spoken + (f" et {self.count(str(second), self.units['s'])}" if second else "")

    def _telephone(self, match: Match) -> str:
        digits = re.findall("[0-9]+", match[0])
        groups = [pair for group in digits for pair in (re.findall("..", group) if len(group) in (8, 10) else [group])]
        said = (
            self.numerals.digits(group) if group[0] == "0" or len(group) > 3 else self.cardinal(int(group))
            for group in groups
        )
        return (f"{self.signs['+']} " if match[0][0] == "+" else "") + ", ".join(said)
