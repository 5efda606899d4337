"""Turns that are said piece by piece: numbers and names that are spelled, from recorded digits and letters, and turns
of fillers, by the embedded voice (`synthetic`). The agent has asked for each.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np

from benchmarks.paused_turns import PausedTurn, joined, seed_of
from benchmarks.playback import Playback
from voiceagent.audio.pcm import Pcm
from voiceagent.testing.recordings import RATE, prepare, recording

ASKED_NUMBER = "Of course. What is your telephone number?"
ASKED_NAME = "Of course. How do you spell your name?"
NUMBERS = ("555 0147", "212 555 0199", "40 7 21", "1 800 555 61", "9035 7768", "020 7946 0018", "3 14 15", "8 8 2 4 6")
NAMES = ("SM IT H", "BY RD", "KO WA L SKI", "JOH N SON", "F I TZ", "MA RG OT", "QU I N N", "HE D VIG")
FILLERS = (
    ("Let me see, um,", "I would like two tickets for tomorrow."),
    ("My number is, um,", "five five five, oh one four seven."),
    ("Well, I think, uh,", "that I will take the blue one."),
    ("Can you tell me, um,", "when the next train leaves?"),
    ("It was, let me think,", "the second of May."),
    ("I want to, hmm,", "change my reservation, please."),
    ("Hold on.", "The name is Margaret."),
    ("So, um,", "what does it cost?"),
    ("I live in, uh,", "the house near the old bridge."),
    ("Please call, let me check,", "my sister in Boston."),
)
APART_S = 0.06
"""Between two digits or letters that are said in one go."""


def dictated() -> Iterator[PausedTurn]:
    """Yield numbers and names with a pause at each space of the lists above. Raises RecordingError."""
    for kind, asked, texts, folder in (
        ("number", ASKED_NUMBER, NUMBERS, "digits"),
        ("name", ASKED_NAME, NAMES, "letters"),
    ):
        for text in texts:
            pieces = [_together([_recorded(f"{folder}/{one.lower()}") for one in group]) for group in text.split()]
            pcm, silences = joined(pieces, seed_of(text))
            yield PausedTurn(text, "allison", kind, pcm, silences, asked)


def hesitant(voice: Playback) -> Iterator[PausedTurn]:
    """Yield turns with a filler before their pause, said by a machine."""
    for before, after in FILLERS:
        pcm, silences = joined([prepare(voice.speak(before)), prepare(voice.speak(after))], seed_of(before))
        yield PausedTurn(f"{before} {after}", "a machine", "filler", pcm, silences, synthetic=True)


def _together(pieces: list[Pcm]) -> Pcm:
    gap = np.zeros(round(APART_S * RATE), np.float32)
    return np.concatenate([part for piece in pieces for part in (gap, piece)][1:])


@cache
def _recorded(name: str) -> Pcm:
    return recording(name).pcm()
