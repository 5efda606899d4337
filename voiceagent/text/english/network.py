"""Addresses of machines: "192.168.1.1:8080", "10.0.0.0/8", "localhost:3000", "2001:db8::1", "00:1A:2B:3C:4D:5E"."""

import re

from voiceagent.text.english.number_words import cardinal, digits
from voiceagent.text.english.patterns import Match, Rules

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_PORT = r"(?::([0-9]{1,5})(?![\w:]))?"
_SUFFIXES = frozenset(
    ["py", "js", "ts", "md", "json", "yaml", "toml", "txt", "html", "css", "cpp", "rs", "go", "java", "sh"]
)
_HEX = r"[0-9A-Fa-f]"


def _ipv4(match: Match) -> str:
    """ "192.168.1.1:80" -> "one nine two dot one six eight dot one dot one, port eight zero"."""
    said = " dot ".join(digits(part) if len(part) == 3 else cardinal(int(part)) for part in match[1].split("."))
    if match[2]:
        return f"{said} slash {cardinal(int(match[2]))}"
    return f"{said}, port {digits(match[3])}" if match[3] else said


def _host(match: Match) -> str:
    """ "localhost:3000" -> "localhost, port three zero zero zero", "main.py:42" -> "main.py, line forty-two"."""
    if match[1].rpartition(".")[2] in _SUFFIXES:
        return f"{match[1]}, line {cardinal(int(match[2]))}"
    return f"{match[1]}, port {digits(match[2])}"


def _spelled(text: str) -> str:
    """ "db8" -> "D B eight"."""
    return " ".join(digits(sign) if sign.isdigit() else sign.upper() for sign in text)


def _ipv6(match: Match) -> str:
    """ "fe80::1" -> "F E eight zero, colon colon, one"."""
    if not re.search("[0-9]", match[0]):
        return match[0]
    parts = re.findall(r"::?|[^:]+", match[1])
    said = [{"::": "colon colon", ":": "colon"}.get(part) or _spelled(part) for part in parts]
    return " ".join(said) + (f" slash {cardinal(int(match[2]))}" if match[2] else "")


def _mac(match: Match) -> str:
    """ "00:1A:..." -> "zero zero, one A, ..."."""
    return ", ".join(_spelled(part) for part in re.split("[:-]", match[0]))


RULES = Rules(
    (
        (rf"(?<![\w.:-]){_HEX}{{2}}(?:(?::{_HEX}{{2}}){{5}}|(?:-{_HEX}{{2}}){{5}})(?![\w:-])", _mac),
        (
            rf"(?<![\w.:])((?:{_HEX}{{1,4}}:){{7}}{_HEX}{{1,4}}"
            rf"|(?:{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{0,6}})?::(?:{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{0,6}})?)(?:/([0-9]{{1,3}}))?"
            r"(?![\w:])",
            _ipv6,
        ),
        (rf"(?<![\w./:-])({_OCTET}(?:\.{_OCTET}){{3}})(?![\w]|\.[0-9])(?:/([0-9]{{1,2}})(?![\w/])|{_PORT})", _ipv4),
        (
            r"(?<![\w.@/:-])(localhost|(?:[a-z][a-z0-9-]{0,62}\.){1,4}[a-z]{2,10}):([0-9]{1,5})(?![\w:]|\.[0-9])",
            _host,
        ),
    ),
    needs=r"[0-9A-Fa-f:][:.-][0-9A-Fa-f:]",
)
