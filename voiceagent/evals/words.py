"""Whether a text is what was expected, and if not, why."""

import re
from collections.abc import Sequence

from voiceagent.evals.scenario import Words
from voiceagent.text.words import normalise, word_error_rate


def unmet(words: Words, texts: Sequence[str], language: str = "en") -> str | None:
    """Return what is wrong with a text, given as it is spoken and then as it was written; None where one of them fits.

    What must be absent is so from what is spoken.
    """
    for phrase in words.absent:
        if has(texts[0], phrase, language):
            return f"contains {phrase!r}"
    failures = [_unmet(words, text, language) for text in texts]
    return None if None in failures else failures[0]


def has(text: str, phrase: str, language: str = "en") -> bool:
    """Return whether a phrase occurs, whatever the case, the punctuation and the spelling of numbers."""
    sought = normalise(phrase, language)
    if not sought:
        return phrase.strip() in text  # a sign
    return f" {sought} " in f" {normalise(text, language)} "


def _unmet(words: Words, text: str, language: str) -> str | None:
    for phrase in words.contains:
        if not has(text, phrase, language):
            return f"does not contain {phrase!r}"
    for pattern in words.matches:
        if not re.search(pattern, text, re.IGNORECASE):
            return f"does not match {pattern!r}"
    if words.similar is not None:
        errors, count = word_error_rate(words.similar, text, language)
        if errors > words.errors * count:
            return f"differs from {words.similar!r} in {errors} of {count} words"
    return None
