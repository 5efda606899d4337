"""Human speech with known text, from Debian packages: 16 kHz telephone prompts, read books, card games.

Clips are chosen by rule and in the order of a hash of their names, so that none is hand-picked.

Every clip is trimmed: it begins with its first and ends with its last 10 ms that lie within `EDGE_DB` of its loudest
10 ms. That end is "the last speech sample" of all measurements: the audible end of a voice in a quiet room. It is 0 to
15 ms from where a limit of 30 or 40 dB would put it (measured over the telephone prompts).
"""

import gzip
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voiceagent.audio.files import read_audio
from voiceagent.audio.pcm import AudioError, Pcm, level_db, trim_silence
from voiceagent.errors import VoiceAgentError

RATE = 16_000
EDGE_DB = -35.0
LEVEL_DB = -23.0
"""RMS level of every clip, in dB of full scale: a voice at a microphone with automatic gain."""
PEAK = 0.9
"""No sample is louder than this, if the level has to be lower for it."""

SHORTEST_S, LONGEST_S = 1.2, 6.0
"""Lengths that people say in one breath; other clips are not used."""

PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
PROMPT_TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
READINGS = Path("/usr/share/pocketsphinx/test/data")

_VERB = re.compile(
    r"\b(please|press|dial|say|am|is|are|be|has|have|do|does|can|cannot|will|'m|'re|\w+ed)\b", re.IGNORECASE
)
"""What a sentence has and "From an unknown caller." has not."""


class CorpusError(VoiceAgentError):
    """The recordings are missing; the message says how to get them."""


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


def prepare(pcm: Pcm) -> Pcm:
    """Trim and level a recording at 16 kHz as this module promises."""
    voice = trim_silence(pcm, RATE, keep_before_s=0.0, keep_after_s=0.0, threshold_db=EDGE_DB).pcm
    gain = 10 ** ((LEVEL_DB - level_db(voice)) / 20)
    peak = float(np.abs(voice).max(initial=0.0))
    return voice * np.float32(min(gain, PEAK / peak if peak else gain))


def _choose(count: int, longest_s: float, fits: Callable[[str], bool]) -> list[Clip]:
    chosen: list[Clip] = []
    if count == 0:
        return chosen
    for name, path, text in sorted(_recordings(), key=lambda item: hashlib.sha256(item[0].encode()).digest()):
        if not fits(text):
            continue
        clip = Clip(name, text, prepare(_read(path)))
        if SHORTEST_S <= clip.seconds <= longest_s:
            chosen.append(clip)
        if len(chosen) == count:
            return chosen
    raise CorpusError(f"The recordings hold {len(chosen)} fitting utterances; ask for no more than that.")


def _recordings() -> Iterator[tuple[str, Path, str]]:
    """Yield name, file and text of every recording."""
    for place in (PROMPTS, PROMPT_TEXTS, READINGS):
        if not place.exists():
            raise CorpusError(
                f"{place} is not here. The benchmarks speak with recordings from Debian packages: sudo apt install"
                " asterisk-core-sounds-en asterisk-core-sounds-en-g722 pocketsphinx-testdata"
            )
    with gzip.open(PROMPT_TEXTS, "rt", encoding="utf-8", errors="replace") as lines:
        for name, text in re.findall(r"^([\w/-]+): *(.+?) *$", lines.read(), re.MULTILINE):
            if (path := PROMPTS / f"{name}.g722").exists():
                yield name, path, text
    for transcript in ("cards/cards.transcription", "librivox/transcription"):
        folder = (READINGS / transcript).parent
        for text, name in re.findall(r"^<s> (.+?) *</s> \((.+)\)$", (READINGS / transcript).read_text(), re.MULTILINE):
            if (path := folder / f"{name}.wav").exists():
                yield f"{folder.name}/{name}", path, text


def _read(path: Path) -> Pcm:
    try:
        return read_audio(path, RATE)
    except AudioError as error:
        raise CorpusError(f"{error} Install its Debian package again.") from error
