"""The languages that texts are read in, each loaded when it is first asked for.

A language without tables here is neutral: its numbers are left to the voice, and only marks that all scripts share
end its sentences.
"""

import re
from functools import cache
from importlib import import_module

from voiceagent.text.language import NEVER, Language

_MODULES = {"en": "english", "de": "german", "es": "spanish", "fr": "french"}
LANGUAGES = tuple(_MODULES)


def language(tag: str | Language) -> Language:
    """Return the language of a tag such as "de", "de-DE" or "DE_at"; a `Language` is returned as it is."""
    return tag if isinstance(tag, Language) else _language(re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0])


def load_languages() -> None:
    """Load every language, which takes 0.1 s each: before the first caller, and not on the event loop."""
    for code in LANGUAGES:
        _language(code)


@cache
def _language(code: str) -> Language:
    if code not in _MODULES:
        return _neutral(code)
    found: Language = import_module(f"voiceagent.text.{_MODULES[code]}").LANGUAGE
    return found


def _neutral(code: str) -> Language:
    none: frozenset[str] = frozenset()
    return Language(code, code, str, none, none, none, (), NEVER, none, none)
