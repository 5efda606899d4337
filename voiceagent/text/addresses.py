"""How web and e-mail addresses are said: "example dot com slash docs", "bob at example dot org".

A path is read only where it is made of a few words; a query, a fragment or a long path is left out, because
listeners cannot follow it. File names and the like are read with their dot ("Node dot js").
"""

import re

_URL = re.compile(r"(?i)(?<!\w)(?:https?://|www\.)(?:[^\s<>\"'`|\\^{}\[\]()]|\([^\s()]{0,100}\)){1,2000}+")
_EMAIL = re.compile(r"(?<![\w.+-])([\w.+-]{1,64}+)@([\w-]++(?:\.[\w-]++)++)")
_DOMAINS = "com|org|net|edu|gov|io|ai|dev|app|co|uk|de|fr|eu|info|me|tv|us|ca|au|in|jp|ch|nl|es|it"
_BARE_URL = re.compile(rf"(?<![\w.@/-])(?:[a-z0-9-]{{1,63}}\.){{1,4}}(?:{_DOMAINS})\b(?:/[\w./-]{{0,200}})?+(?![\w@-])")
_FILE_NAME = re.compile(r"(?<=[A-Za-z0-9_]{2})\.(?=[a-z]{2,5}\b(?!\.\w))")
_SCHEME = re.compile(r"(?i)^(?:https?://)?(?:www\.)?")
_TRAILING_MARKS = ".,;:!?*_~-"
_SIGNS = {".": "dot", "-": "dash", "_": "underscore", "+": "plus", "/": "slash"}
_READABLE_PARTS = 2
_READABLE_PART = re.compile(r"(?=[a-z_-]*[a-z])[A-Za-z._-]{1,24}|[0-9]{1,4}", re.IGNORECASE)


def read_addresses(text: str) -> str:
    """Return the text with every address in it written as it is said."""
    text = _EMAIL.sub(lambda match: f"{_say(match[1])} at {_say(match[2])}", text)
    text = _BARE_URL.sub(_say_url, _URL.sub(_say_url, text))
    return _FILE_NAME.sub(" dot ", text)


def _say_url(match: re.Match[str]) -> str:
    url = match[0].rstrip(_TRAILING_MARKS)
    host, _, path = re.split(r"[?#]", _SCHEME.sub("", url), maxsplit=1)[0].partition("/")
    parts = [part for part in path.split("/") if part]
    readable = len(parts) <= _READABLE_PARTS and all(map(_READABLE_PART.fullmatch, parts))
    address = re.sub(r":[0-9]+$", "", host) + "".join(f"/{part}" for part in parts if readable)
    return _say(address) + match[0][len(url) :]


def _say(address: str) -> str:
    return re.sub(r"[._+/-]", lambda match: f" {_SIGNS[match[0]]} ", address).strip()
