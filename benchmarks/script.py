"""What the caller of the interaction benchmark does in a round: a story, disturbed and interrupted, four times.

Everything is drawn from the seed and the round's number: a round is the same whenever, and however, it is played.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from benchmarks.corpus import RATE, Clip
from benchmarks.disturbances import Sound
from voiceagent.audio.pcm import Pcm
from voiceagent.text import normalise

KINDS = ("backchannel", "tic", "side_talk")
STORIES = 4
"""In a round."""
PAUSES = ((0.2, 1.0), (0.3, 0.556), (0.6, 0.217), (1.0, 0.10), (1.6, 0.05), (2.0, 0.0))
"""Seconds, and the share of pauses in mid-turn that are longer: of people who talk to agents, as eot-bench's baseline
of silence alone implies."""
FIRST_S, LAST_S = 0.5, 0.4
"""Speech before a pause, and after it, at least."""
DIP = RATE // 50
"""Samples: 20 ms."""
QUIETEST = 5
"""Places in a sentence that are tried."""
PAUSING = 0.7
"""The share of what is said that has a pause in its midst, if its words are known to lie where."""
BETWEEN_S = (0.8, 1.6)
"""How long the agent speaks in between."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller says to the agent."""

    clip: Clip
    break_s: float = 0.0
    """Between which words they pause, in seconds from the beginning."""
    pause_s: float = 0.0
    """How long; 0 for not at all."""

    def pcm(self) -> Pcm:
        """Return its sound, 16 kHz."""
        at, silence = round(self.break_s * RATE), np.zeros(round(self.pause_s * RATE), np.float32)
        return np.concatenate([self.clip.pcm[:at], silence, self.clip.pcm[at:]])


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A sound over the agent's voice, or after it."""

    sound: Sound
    level_db: float
    """In dB of the person's."""
    after_s: float
    """How long the agent speaks undisturbed before."""


@dataclass(frozen=True, slots=True)
class Story:
    """What the caller says; it interrupts the story before. And what disturbs the answer."""

    request: Request
    after_s: float
    disturbances: tuple[Disturbance, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """One call."""

    number: int
    stories: tuple[Story, ...]
    afterwards: Disturbance
    """Talk of others, when the agent has finished."""


def write(
    seed: int,
    number: int,
    requests: Sequence[Clip],
    breaks: Mapping[str, Sequence[float]],
    sounds: Sequence[Sound],
    stories: int = STORIES,
) -> Round:
    """Return a round. `breaks` are the places between the words of requests, by their names, in seconds."""
    dice = Random(f"{seed} {number}")
    clips = dice.sample(list(requests), stories)
    shelves = {kind: _mixed(dice, [sound for sound in sounds if sound.kind == kind]) for kind in KINDS}

    def disturb(kind: str) -> Disturbance:
        sound = shelves[kind].pop()
        return Disturbance(sound, round(dice.uniform(*sound.levels_db), 1), round(dice.uniform(*BETWEEN_S), 2))

    def story(clip: Clip) -> Story:
        places, pauses = breaks.get(clip.name, ()), dice.random() < PAUSING
        pause = (dice.choice(places), round(length_of_pause(dice), 2)) if places and pauses else (0.0, 0.0)
        kinds = dice.sample(KINDS, len(KINDS))
        return Story(Request(clip, *pause), round(dice.uniform(*BETWEEN_S), 2), tuple(map(disturb, kinds)))

    return Round(number, tuple(map(story, clips)), disturb("side_talk"))


def length_of_pause(dice: Random) -> float:
    """Return how long a person pauses in mid-turn, in seconds."""
    lengths, shares = zip(*PAUSES, strict=True)
    return float(np.interp(1 - dice.random(), shares[::-1], lengths[::-1]))


def places_in(clip: Clip, hear: Callable[[Pcm], str]) -> list[float]:
    """Return places between the words of a recording, in seconds: it is quiet there, and what is before is understood
    as the first words of its text.
    """
    power = np.convolve(np.square(clip.pcm, dtype=np.float64), np.ones(DIP), "same")[::DIP]
    dips = [n for n in range(1, len(power) - 1) if power[n] <= power[n - 1] and power[n] <= power[n + 1]]
    dips = [n for n in dips if FIRST_S * RATE <= n * DIP <= len(clip.pcm) - LAST_S * RATE]
    words, places = normalise(clip.text).split(), []
    for at in (n * DIP for n in sorted(dips, key=lambda n: float(power[n]))[:QUIETEST]):
        understood = normalise(hear(clip.pcm[:at])).split()
        if understood and understood == words[: len(understood)] and len(understood) < len(words):
            places.append(round(at / RATE, 2))
    return sorted(places)


def _mixed(dice: Random, sounds: Sequence[Sound]) -> list[Sound]:
    """Return the sounds in random order, recorded and synthetic ones in turn while there are both."""
    piles = [[sound for sound in sounds if sound.recorded is recorded] for recorded in (False, True)]
    for pile in piles:
        dice.shuffle(pile)
    mixed: list[Sound] = []
    while any(piles):
        mixed += [pile.pop() for pile in piles if pile]
    return mixed[::-1]
