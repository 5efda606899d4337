"""Digits of any script as ASCII ones: "٣", "３", "३" -> "3"; "x⁴" -> "x^4", "H₂O" -> "H2O", "①" -> "1"."""

import re
import unicodedata

_POWERS = re.compile("⁻?(?:[⁰⁴-⁹][⁰¹²³⁴-⁹]*|[²³¹][⁰¹²³⁴-⁹]+)|⁻[¹²³]")
_VULGAR = re.compile(r"\s?([¼-¾⅐-⅞])")
_OTHER_DIGIT = re.compile(r"[^\x00-\x7f²³]")


def ascii_digits(text: str) -> str:
    """Return the text with its decimal digits, subscripts, powers and circled digits in ASCII; ² and ³ stay alone."""
    if text.isascii():
        return text
    text = _POWERS.sub(
        lambda match: "^" + "".join("-" if sign == "⁻" else str(unicodedata.digit(sign)) for sign in match[0]), text
    )
    return _OTHER_DIGIT.sub(_ascii, text)


def plain_fractions(text: str) -> str:
    """Return the text with the fractions that are one character as digits: "2½" -> "2 1/2"."""
    return _VULGAR.sub(lambda match: " " + unicodedata.normalize("NFKC", match[1]).replace("⁄", "/"), text)


def _ascii(match: re.Match[str]) -> str:
    value = unicodedata.digit(match[0], None)
    return match[0] if value is None else str(value)
