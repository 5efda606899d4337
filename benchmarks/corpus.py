"""Recordings of people for the benchmarks (`voiceagent.testing.recordings`), chosen by rule and in the order of a hash
of their names, so that none is hand-picked.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from voiceagent.audio.pcm import Pcm
from voiceagent.testing.recordings import LEVEL_DB as LEVEL_DB
from voiceagent.testing.recordings import PEAK as PEAK
from voiceagent.testing.recordings import PROMPT_TEXTS as PROMPT_TEXTS
from voiceagent.testing.recordings import PROMPTS as PROMPTS
from voiceagent.testing.recordings import RATE as RATE
from voiceagent.testing.recordings import READINGS as READINGS
from voiceagent.testing.recordings import RecordingError as CorpusError
from voiceagent.testing.recordings import prepare as prepare
from voiceagent.testing.recordings import recordings

SHORTEST_S, LONGEST_S = 1.2, 6.0
"""Lengths that people say in one breath; other clips are not used."""


_VERB = re.compile(
    r"\b(please|press|dial|say|am|is|are|be|has|have|do|does|can|cannot|will|'m|'re|\w+ed)\b", re.IGNORECASE
)
"""What a sentence has and "From an unknown caller." has not."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording of a human voice, and what it says."""

    name: str
    text: str
    pcm: Pcm
    """16 kHz, trimmed and levelled."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / RATE


def questions(count: int, longest_s: float = LONGEST_S) -> list[Clip]:
    """Return whole utterances of one sentence: what a caller would say and then wait for an answer.

    Raises CorpusError if the packages are missing or hold fewer.
    """
    return _choose(count, longest_s, lambda text: is_plain(text) and is_one_sentence(text))


def prompts(count: int, longest_s: float = LONGEST_S) -> list[Clip]:
    """Return utterances of three words or more, for word error rates. Raises CorpusError as `questions` does."""
    return _choose(count, longest_s, is_plain)


def is_plain(text: str) -> bool:
    """Return whether a text is spoken as it is written: no sound effects, spelling, acronyms or long numbers.

    Those measure the writing rather than the hearing: "MISDN", "8500", "[beep]", the "..." of a fragment, and the
    hyphen of "re-enter".
    """
    if len(text.split()) < 3 or re.search(r"\.\.|\w-\w|[^\w\s'.,?!;-]", text):
        return False
    return not re.search(r"\b[A-Z]{2,}\b|\b[b-hj-zB-HJ-Z]\b|\d\d|\w\.\w", re.sub(r"'\w+", "", text))


def is_one_sentence(text: str) -> bool:
    """Return whether a text is one whole sentence, written like one, of at least four words."""
    whole = re.fullmatch(r"[A-Z][^.?!]+[.?!]", text) and _VERB.search(text)
    return whole is not None and len(text.split()) >= 4


def _choose(count: int, longest_s: float, fits: Callable[[str], bool]) -> list[Clip]:
    chosen: list[Clip] = []
    if count == 0:
        return chosen
    for one in sorted(recordings(), key=lambda one: hashlib.sha256(one.name.encode()).digest()):
        if not fits(one.text):
            continue
        clip = Clip(one.name, one.text, one.pcm())
        if SHORTEST_S <= clip.seconds <= longest_s:
            chosen.append(clip)
        if len(chosen) == count:
            return chosen
    raise CorpusError(f"The recordings hold {len(chosen)} fitting utterances; ask for no more than that.")
