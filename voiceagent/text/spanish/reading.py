"""Spanish: how ordinals, dates, times, rulers, telephones and fractions are said.

A number agrees with what it counts ("veintiún días", "doscientas personas"); a noun's gender is guessed from the
article before the number and from its ending. The day comes first in a written date ("03/05/2024"). "3.5" is read with
"punto", "3,5" with "coma".
"""

import re

from voiceagent.text.patterns import ALONE, Match, Rule, any_of
from voiceagent.text.reader import DASH, TIMES, Noun, Reader, full_year
from voiceagent.text.roman import value as roman
from voiceagent.text.spanish import words as table

_CARDINALS = {"m": "cardinal-masculine", "f": "cardinal-feminine", "": "numbering"}
_HUNDREDS = re.compile(r"(cient|quinient)os\b")
_MILLIONS = re.compile(r"^.*(?:millón|millones|billón|billones)\b")
_ROUND_MILLIONS = re.compile(r"(?:millón|millones|billón|billones)$")
_PARTS = {2: "medio", 3: "tercio", 4: "cuarto"}
_HOUR = r"(?P<hour>[01]?[0-9]|2[0-4])"
_HALF_DAY = r"(?P<half>[ap])\.?\s?m\b\.?"
_OFTEN = Noun("vez", "veces", "f")


class Spanish(Reader):
    """Reads Spanish."""

    code = "es"
    comma, point, minus, to, per, number_sign = "coma", "punto", "menos", "a", "por", "número"
    address, signs, greek = table.ADDRESS, table.SIGNS, table.GREEK
    units, currencies, multiples = table.UNITS, table.CURRENCIES, table.MULTIPLES
    leading, trailing, starters = table.LEADING, table.TRAILING, table.STARTERS
    code_words = (
        "PIN|código|códigos|clave|contraseña|código postal|C\\. ?P\\."
        "|código de (?:acceso|seguridad|verificación|reserva)"
        "|número de (?:cuenta|pedido|referencia|serie|reserva|teléfono|cliente)|extensión|teléfono|marque|marca"
    )
    fillers = r"(?:(?: es| el| PIN|:| al| número){0,3}) ?"

    def own_rules(self) -> tuple[Rule, ...]:
        """Return the rules for what Spanish writes in its own way."""
        month = any_of(table.MONTHS)
        roman_ = r"([IVXL]{1,8})\b"
        day = r"([0-3]?[0-9])"
        return (
            (rf"(?<![\w.])({any_of(table.NUMBERED)})\s?(?=[0-9IVX])", lambda match: f"{table.NUMBERED[match[1]]} "),
            (r"(?<!\w)D\. (?=[A-ZÁÉÍÓÚÑ][a-záéíóúñ])", "don "),
            (r"(?<!\w)D\.ª ", "doña "),
            (r"(?i)&\s?(?=h?i(?!e))", "e "),
            # Roman numerals.
            (rf"\b({table.KINGS}|{table.QUEENS}) {roman_}", self._ruler),
            (rf"(?i)\b(siglos?|s\.) ([IVX]{{1,6}})\b(?:( y | al? |{DASH})([IVX]{{1,6}})\b)?", self._century),
            (rf"(?i:\b({table.NUMBERED_BY_ROMAN})) {roman_}", self._by_roman),
            (rf"(?<!\w)([IVX]{{1,6}}) (?=(?i:({table.RANKED_FEMININE})|{table.RANKED_MASCULINE})\b)", self._ranked),
            # Dates.
            (r"(?<![\w-])([0-9]{4})-([01]?[0-9])-([0-3]?[0-9])(?![\w-])", self._iso_date),
            (rf"(?<![\w/.-]){day}([/.-])([01]?[0-9])\2([0-9]{{4}}|[0-9]{{2}})(?![\w/-]|\.[0-9])", self._date),
            (r"(?i)(?<=\bel )([0-3]?[0-9])/(1[0-2]|0?[1-9])(?![\w/]|[.,][0-9])", self._short_date),
            (rf"(?i){ALONE}(?:{day}{DASH})?{day} de ({month})(?: del? (?:año )?([0-9]{{3,4}})\b)?", self._day),
            # Times.
            (
                rf"{ALONE}{_HOUR}:(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?(?![\w:])"
                rf"(?:\s?(?:h\.?|hs|hrs|horas)(?!\w))?(?:\s?{_HALF_DAY})?",
                self._time,
            ),
            (rf"(?<![\w:.,]){_HOUR}(?P<minute>)(?P<second>)\s?{_HALF_DAY}", self._time),
            (r"(?i)\b(a la) 1(?![\w:]|[.,]?[0-9])", r"\1 una"),
            (r"(?i)\b(a las) 21(?![\w:]|[.,]?[0-9])", r"\1 veintiuna"),
            (r"(?i)(?<=\blas )1?[0-9]-(?=1?[0-9]\b)", lambda match: f"{match[0][:-1]} a "),
            (r"(?<![\w:.])([0-9]{1,3}):([0-9]{1,6})(?![\w:])", r"\1 a \2"),
            # Telephones.
            (
                r"\+(?=(?:[ ()-]{0,2}[0-9]){8,15}(?![0-9]))[0-9]{1,3}(?:[ -]?\(?[0-9]{1,12}\)?){1,7}"
                r"|(?<![\w.,+-])[6-9][0-9]{2}(?:[ -][0-9]{2}){3}(?![\w.,]?[0-9])"
                r"|(?<![\w.,+-])9[0-9](?: [0-9]{3} [0-9]{2} [0-9]{2}|[ -][0-9]{7})(?![\w.,]?[0-9])"
                r"|(?<![\w.,+-])[6-9][0-9]{2}-[0-9]{3}-[0-9]{3}(?![\w.,]?[0-9])"
                r"|(?i:(?<=\bal )|(?<=teléfono )|(?<=teléfono es )|(?<=número )|(?<=móvil )|(?<=teléfono: )|(?<=el ))"
                r"[6-9][0-9]{2}(?: [0-9]{3}){2}(?![\w.,]?[0-9])"
                r"|(?<![\w.,+-])[0-9]{2,4}[ -][0-9]{4}[ -][0-9]{4}(?![\w.,]?[0-9])",
                self.spaced_digits,
            ),
            # Ranks.
            (r"(?<![\w.,])([0-9]{1,3})\.?(º(?!C)|ª|(?:er|ra|ro|do|da|to|ta|mo|ma)\b)", self._rank),
            (TIMES, lambda match: self.count(match[1], _OFTEN)),
            (r"(?<![\w.,])'?((?:1[1-9]|20)?[0-9]0)'?s\b", lambda match: self.cardinal(int(match[1]))),
        )

    def cardinal(self, number: int, gender: str = "", before: str = "") -> str:
        """Return a whole number, in the gender of what it counts."""
        spoken = self.numerals.say(number, _CARDINALS[gender])
        if gender != "f" or number < 1000:
            return spoken
        millions = _MILLIONS.match(spoken)
        kept = millions.end() if millions else 0
        return spoken[:kept] + _HUNDREDS.sub(r"\1as", spoken[kept:])

    def linked(self, amount: str, noun: str) -> str:
        """Return a number and its noun, with "de" after round millions."""
        apart = _ROUND_MILLIONS.search(amount) and not noun.startswith(("mill", "bill", "por "))
        return f"{amount} de {noun}" if apart else f"{amount} {noun}"

    def sum_of(self, whole: str, part: str) -> str:
        """Return "tres euros con cincuenta"."""
        return f"{whole} con {part}"

    def counted(self, before: str, noun: str, following: str, number: int) -> str:
        """Return the gender of what is counted: by the article, else by the noun's ending."""
        word = (following if noun in table.ADJECTIVES and following else noun).lower()
        if word in table.NO_NOUNS or len(word) < 3 or (number != 1 and not word.endswith("s")):
            return ""
        article = before.lower()
        if number > 1 and article in ("las", "unas", "estas", "esas", "otras"):
            return "f"
        if number > 1 and article in ("los", "unos", "estos", "esos", "otros"):
            return "m"
        masculine = word in table.MASCULINE or word.endswith(table.MASCULINE_ENDINGS)
        if word in table.FEMININE or (word.endswith(table.FEMININE_ENDINGS) and not masculine):
            return "f"
        return "m"

    def _ruler(self, match: Match) -> str:
        """ "Felipe II" -> "Felipe segundo", "Luis XIV" -> "Luis catorce"."""
        number = roman(match[2])
        gender = "feminine" if match[1] in table.QUEENS.split("|") else "masculine"
        return f"{match[1]} {self._up_to_ten(number, gender)}" if number else match[0]

    def _up_to_ten(self, number: int, gender: str) -> str:
        return self.numerals.say(number, f"ordinal-{gender}") if number <= 10 else self.cardinal(number)

    def _century(self, match: Match) -> str:
        first, last = roman(match[2].upper()), roman((match[4] or "").upper())
        if not first or (match[4] and not last):
            return match[0]
        word = "siglo" if match[1].lower().startswith("s.") else match[1]
        spoken = f"{word} {self._up_to_ten(first, 'masculine')}"
        link = (match[3] or "").strip(" -–") or self.to
        return spoken + (f" {link} {self._up_to_ten(last, 'masculine')}" if last else "")

    def _by_roman(self, match: Match) -> str:
        number = roman(match[2])
        return f"{match[1]} {self.cardinal(number)}" if number else match[0]

    def _ranked(self, match: Match) -> str:
        number = roman(match[1])
        if not number:
            return match[0]
        feminine = bool(match[2])
        if number > 20:
            return f"{self.cardinal(number, 'f' if feminine else 'm')} "
        rules = "ordinal-feminine" if feminine else "ordinal-masculine-adjective"
        return f"{self.numerals.say(number, rules).capitalize()} "

    def _said_date(self, day: int, month: int, year: int | None) -> str | None:
        if not (1 <= day <= 31 and 1 <= month <= 12):
            return None
        return f"{self.cardinal(day)} de {table.MONTHS[month - 1]}" + (f" de {self.cardinal(year)}" if year else "")

    def _short_date(self, match: Match) -> str:
        return self._said_date(int(match[1]), int(match[2]), None) or match[0]

    def _iso_date(self, match: Match) -> str:
        return self._said_date(int(match[3]), int(match[2]), int(match[1])) or match[0]

    def _date(self, match: Match) -> str:
        return self._said_date(int(match[1]), int(match[3]), full_year(match[4])) or match[0]

    def _day(self, match: Match) -> str:
        first, day, month, year = match.groups()
        if not 1 <= int(day) <= 31:
            return match[0]
        spoken = (f"{self.cardinal(int(first))} al " if first else "") + f"{self.cardinal(int(day))} de {month}"
        return spoken + (f" de {self.cardinal(int(year))}" if year else "")

    def _time(self, match: Match) -> str:
        """ "14:30" -> "catorce treinta", "9:05 p. m." -> "nueve y cinco de la noche"."""
        hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
        half = match["half"]
        spoken = self.cardinal(hour, "f")
        if minute:
            spoken += (" y " if minute < 10 else " ") + self.cardinal(minute)
        elif not half and not 1 <= hour <= 12:
            spoken += " horas"
        if second:
            spoken += f" y {self.count(str(second), self.units['s'])}"
        if not half:
            return spoken
        if hour % 12 == 0:
            part = "del mediodía" if half == "p" else "de la noche"
        else:
            part = "de la mañana" if half == "a" else "de la tarde" if hour % 12 < 8 else "de la noche"
        return f"{spoken} {part}{self.kept_stop(match)}"

    def _rank(self, match: Match) -> str:
        """ "1.º" -> "primero", "3.er" -> "tercer", "2ª" -> "segunda"."""
        number = int(match[1])
        if not number:
            return match[0]
        short = match[2] == "er"
        feminine = match[2] == "ª" or match[2].endswith("a")
        rules = "masculine-adjective" if short else "feminine" if feminine else "masculine"
        return self.numerals.say(number, f"ordinal-{rules}")

    def low_end(self, low: str, gender: str) -> str:
        """Return the lower end of a range: "uno a dos días", "una a dos horas"."""
        return self.number(low, "f" if gender == "f" else "")

    def fraction(self, whole: str | None, top: int, bottom: int, counted: Noun | None, before: str) -> str:
        """Return "tres cuartos", "media hora", "dos horas y media", "ocho sobre diez"."""
        if (top, bottom) == (1, 2) and (whole or counted):
            half = "media" if counted and counted.gender == "f" else "medio"
            if not whole:
                return f"{half} {counted.one if counted else ''}"
            return f"{self.count(whole, counted) if counted else self.number(whole)} y {half}"
        if 0 < top < bottom <= 10 and (top == 1 or bottom != 10):
            part = _PARTS.get(bottom) or self.numerals.say(bottom, "ordinal-masculine")
            spoken = f"{self.cardinal(top, 'm')} {part}{'s' if top > 1 else ''}"
            spoken += f" de {counted.one}" if counted else ""
        else:
            spoken = f"{self.cardinal(top)} sobre {self.cardinal(bottom)}" + (f" {counted.many}" if counted else "")
        return f"{self.number(whole)} y {spoken}" if whole else spoken
