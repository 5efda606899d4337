"""Turns with pauses in them, of known place and length: what an end-of-turn detector has to tell from the end.

Silence is inserted at word boundaries of recordings of people (`alignment`), for as long as people pause in mid-turn.
So it is known of every silence whether more comes, and when. Each turn ends with silence of `AFTER_S`. The room goes on
in it: noise as loud as the quietest tenth of a second of the recording. What is said before a pause is cut off within
`FADE_S`, without the lengthening and the hesitation that lead to a real one: this is harder for the ear.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmarks.alignment import Word
from voiceagent.audio.pcm import Pcm
from voiceagent.testing.recordings import RATE

SURVIVAL = ((0.2, 1.0), (0.3, 0.556), (0.6, 0.217), (1.0, 0.10), (1.6, 0.05), (2.0, 0.0))
"""Pause length in seconds, and the share of pauses that last longer: real conversations with agents, as the published
silence-only baseline of eot-bench implies for English; the longest twentieth (up to 5 s there) ends by 2 s here."""
AFTER_S = 2.5
"""Longer than any policy waits."""
FADE_S = 0.02
LEAST_BEFORE_S, LEAST_AFTER_S = 0.5, 0.3
"""Speech before the first pause and after the last, and between two: less is no piece of a turn."""
FRAME = RATE // 10


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence in a turn, or after it."""

    start_s: float
    length_s: float
    """After it there is speech, unless it is the end."""
    end: bool


@dataclass(frozen=True, slots=True)
class PausedTurn:
    """A turn as a microphone hears it."""

    name: str
    speaker: str
    kind: str
    """What is said: "sentence", "number", "name", "filler"."""
    pcm: Pcm
    """16 kHz."""
    silences: tuple[Silence, ...]
    """In order; the last is the end."""
    asked: str = ""
    """What the agent has said before."""
    synthetic: bool = False
    """Whether a machine's voice says some of it."""


def seed_of(name: str) -> np.random.Generator:
    """Return the random numbers of a recording: the same in every run, whatever else is measured."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))


def pause_s(draw: np.random.Generator) -> float:
    """Return the length of a pause in seconds."""
    lengths, shares = zip(*SURVIVAL, strict=True)
    return float(np.interp(1 - draw.random(), shares[::-1], lengths[::-1]))


def boundaries(words: Sequence[Word], count: int, draw: np.random.Generator) -> list[float]:
    """Return at most `count` places between words, in seconds, in order."""
    places = [(before.end_s + after.start_s) / 2 for before, after in pairwise(words)]
    last = words[-1].end_s if words else 0.0
    chosen: list[float] = []
    for place in draw.permutation(places):
        pieces = np.diff([0.0, *sorted([*chosen, float(place)]), last])
        if len(chosen) < count and pieces[0] >= LEAST_BEFORE_S and pieces[1:].min() >= LEAST_AFTER_S:
            chosen.append(float(place))
    return sorted(chosen)


def joined(pieces: Sequence[Pcm], draw: np.random.Generator) -> tuple[Pcm, tuple[Silence, ...]]:
    """Return the pieces of a turn with a pause after each, and the end after the last."""
    whole = np.concatenate(pieces)
    frames = whole[: len(whole) // FRAME * FRAME].reshape(-1, FRAME)
    quietest = float(np.sqrt(np.square(frames, dtype=np.float64).mean(axis=1).min())) if len(frames) else 0.0
    sound: list[Pcm] = []
    silences: list[Silence] = []
    at = 0
    for number, piece in enumerate(pieces, 1):
        sound.append(_faded(piece, start=number > 1, end=number < len(pieces)))
        at += len(piece)
        end = number == len(pieces)
        length = round((AFTER_S if end else pause_s(draw)) * RATE)
        silences.append(Silence(at / RATE, length / RATE, end))
        sound.append((quietest * draw.standard_normal(length)).astype(np.float32))
        at += length
    return np.concatenate(sound), tuple(silences)


def split(pcm: Pcm, places: Sequence[float]) -> list[Pcm]:
    """Return a recording in pieces, cut at the quietest of the 30 ms around each place."""
    cuts = [0]
    for place in places:
        middle, reach = round(place * RATE), round(0.03 * RATE)
        window = np.abs(pcm[middle - reach : middle + reach])
        smooth = np.convolve(window, np.ones(80) / 80, mode="same")
        cuts.append(middle - reach + int(smooth[40:-40].argmin()) + 40)
    return [pcm[one:other] for one, other in zip(cuts, [*cuts[1:], len(pcm)], strict=True)]


def _faded(piece: Pcm, *, start: bool, end: bool) -> Pcm:
    ramp = np.linspace(0, 1, round(FADE_S * RATE), dtype=np.float32)
    piece = piece.copy()
    if start:
        piece[: len(ramp)] *= ramp
    if end:
        piece[-len(ramp) :] *= ramp[::-1]
    return piece
