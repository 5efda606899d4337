"""The turns that the end-of-turn benchmark judges: telephone prompts, a book, cards, and what is said piece by piece
(`dictated_turns`).

A pause or two are put into each recording (`paused_turns`); one that cannot be aligned has none.
"""

import re
from collections.abc import Iterator

from benchmarks import corpus
from benchmarks.alignment import Aligner
from benchmarks.dictated_turns import dictated, hesitant
from benchmarks.paused_turns import PausedTurn, boundaries, joined, seed_of, split
from benchmarks.playback import Playback
from voiceagent.audio.pcm import Pcm
from voiceagent.testing.recordings import RATE, recordings

PAUSES = 2
"""At most, in a turn."""
SHORTEST_S, LONGEST_S = 1.2, 7.0
"""The window that detectors look at holds turn and pauses."""


def spoken_turns(voice: Playback) -> Iterator[PausedTurn]:
    """Yield them all. Raises RecordingError."""
    yield from dictated()
    yield from hesitant(voice)
    aligner = Aligner()
    for one in recordings():
        if one.name.startswith(("cards/", "librivox/")) or _is_said_to_somebody(one.text):
            speaker = one.name.partition("/")[0] if "/" in one.name else "allison"
            if (turn := paused(aligner, one.name, speaker, one.pcm(), one.text)) is not None:
                yield turn


def paused(aligner: Aligner, name: str, speaker: str, pcm: Pcm, text: str) -> PausedTurn | None:
    """Put pauses into a recording (16 kHz) of a text; None for one that is too short or too long."""
    if not SHORTEST_S <= len(pcm) / RATE <= LONGEST_S:
        return None
    draw = seed_of(name)
    places = boundaries(aligner.words(pcm, text), PAUSES, draw)
    sound, silences = joined(split(pcm, places), draw)
    return PausedTurn(name, speaker, "sentence", sound, silences)


def _is_said_to_somebody(text: str) -> bool:
    """Return whether a prompt is a whole turn: one sentence or several, to their end."""
    several = re.search(r"[.?!]\s+[A-Z].*[.?!]$", text) is not None
    return corpus.is_plain(text) and (corpus.is_one_sentence(text) or several)
