"""What is uttered without saying anything: signs of attention, coughs, laughs, hesitation. Pure; never raises."""

import re

from voiceagent.text.language import Language
from voiceagent.text.languages import language as find
from voiceagent.text.words import looks_finished, normalise, words

FEW = 2
"""Words that recognisers understand in a hum, and do not end as a sentence ("If I,")."""
LETTERS_A_S = 6
"""Fewer in a second of sound are a hum in which a recogniser has found a word: slow speech has nine."""
_MARKS = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|\*[^*]*\*")
"""What recognisers write for sounds: "[laughter]", "(coughs)", "*sighs*"."""


def is_tic(text: str, language: str | Language = "en") -> bool:
    """Return whether a text is only what slips out ("uh", "ha ha", "ahem", "[coughs]"). False for an empty one."""
    known = find(language)
    bare = normalise(_MARKS.sub(" ", text), known)
    return bool(words(text)) and (not bare or known.tics.fullmatch(bare) is not None)


def says_nothing(text: str, language: str | Language = "en") -> bool:
    """Return whether a text has no words but tics and signs of attention, in any order ("Oh. Ha ha, right.")."""
    known = find(language)
    rest = normalise(_MARKS.sub(" ", text), known)
    while rest:
        found = known.backchannels.match(rest) or known.tics.match(rest)
        if found is None:
            return False
        rest = rest[found.end() :]
    return True


def calls_out(text: str, language: str | Language = "en", *, sure: bool = True) -> bool:
    """Return whether a short text is one by which people interrupt: one of their words for it ("Wait"), two that make a
    sentence ("Tell me."), or more. Of two others nothing is concluded unless it is `sure` that they were said.
    """
    known = find(language)
    said = normalise(_MARKS.sub(" ", text), known).split()
    if not known.interrupting or known.interrupting.intersection(said) or len(said) > FEW:
        return True
    return sure and len(said) == FEW and looks_finished(text, known)


def is_drawn_out(text: str, sound_s: float, language: str | Language = "en") -> bool:
    """Return whether a sound is too long for the few words that were understood in it ("Her." for a "Hmmm").

    Words by which people interrupt ("No.") are not; nor is a text without words.
    """
    known = find(language)
    letters = len(normalise(_MARKS.sub(" ", text), known).replace(" ", ""))
    return 0 < letters < LETTERS_A_S * sound_s and not calls_out(text, known)
