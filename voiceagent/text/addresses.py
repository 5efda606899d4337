"""How web and e-mail addresses are said: "example dot com slash docs", "bob at example dot org"; in any language.

A path is read only where it is made of a few words; a query, a fragment or a long path is left out, because
listeners cannot follow it. File names and the like are read with their dot ("Node dot js").
"""

import re
from collections.abc import Mapping

_URL = re.compile(
    r"(?i)(?<!\w)(?:(?:https?|s?ftp|ssh|git|wss?|file)://|www\.)"
    r"(?:[^\s<>\"'`|\\^{}\[\]()]|\([^\s()]{0,100}\)){1,2000}+"
)
_EMAIL = re.compile(r"(?<![\w.+-])([\w.+-]{1,64}+)@([\w-]++(?:\.[\w-]++)++)")
_DOMAINS = "com|org|net|edu|gov|io|ai|dev|app|co|uk|de|fr|eu|info|me|tv|us|ca|au|in|jp|ch|nl|es|it"
_BARE_URL = re.compile(rf"(?<![\w.@/-])(?:[a-z0-9-]{{1,63}}\.){{1,4}}(?:{_DOMAINS})\b(?:/[\w./-]{{0,200}})?+(?![\w@-])")
_HANDLE = re.compile(r"\s?@(?=\w)")
_FILE_NAME = re.compile(r"(?<=[A-Za-z0-9_]{2})\.(?=[a-z]{2,5}\b(?!\.\w)|tar\.[a-z0-9]{2,3}\b)")
_SCHEME = re.compile(r"(?i)^(?:(?:[a-z]+:/{2,3}|mailto:)*+www\.|(?:[a-z]+:/{2,3}|mailto:)++|)")
_BARE_SCHEME = re.compile(r"(?i)mailto:|(?<![a-z])(?:(?:tel|sms):(?=\S)|[a-z][a-z0-9+-]{0,80}:/{2,3})")
_SCHEME_WITHIN = re.compile(r"(?i)(?!^)(?:https?|s?ftp|ssh|git|wss?|file|mailto):/{0,3}")
_TRAILING_MARKS = ".,;:!?*_~-"
_READABLE_PARTS = 2
_READABLE_PART = re.compile(r"(?=[a-z_-]*[a-z])[A-Za-z._-]{1,24}|[0-9]{1,4}", re.IGNORECASE)


def read_addresses(text: str, signs: Mapping[str, str]) -> str:
    """Return the text with every address in it written as it is said; `signs` are the words for . - _ + / and @."""

    def said(address: str) -> str:
        return re.sub(r"[._+/-]", lambda match: f" {signs[match[0]]} ", address).strip()

    def said_url(match: re.Match[str]) -> str:
        written = _SCHEME_WITHIN.sub("", match[0])
        url = written.rstrip(_TRAILING_MARKS)
        return said(_readable(url)) + written[len(url) :]

    text = _EMAIL.sub(lambda match: f"{said(match[1])} {signs['@']} {said(match[2])}", text)
    text = _BARE_URL.sub(said_url, _URL.sub(said_url, text))
    text = _BARE_SCHEME.sub("", text)
    return _HANDLE.sub(f" {signs['@']} ", _FILE_NAME.sub(f" {signs['.']} ", text))


def _readable(url: str) -> str:
    host, _, path = re.split(r"[?#]", _SCHEME.sub("", url), maxsplit=1)[0].partition("/")
    parts = [part for part in path.split("/") if part]
    readable = len(parts) <= _READABLE_PARTS and all(map(_READABLE_PART.fullmatch, parts))
    return re.sub(r":[0-9]*$", "", host) + "".join(f"/{part}" for part in parts if readable)
