"""What is uttered and heard while an agent speaks, and is not meant for it: signs of attention, tics, talk of others.

Recordings of people where Debian packages have them (the game Hedgewars' laughs and cries, the telephone prompts, read
books), and otherwise a synthetic voice, which is marked. Everything has a name, by which a failure can be found again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.corpus import RATE, Clip, prepare, questions
from voiceagent.audio.files import read_audio
from voiceagent.audio.pcm import Pcm
from voiceagent.testing.recordings import recordings
from voiceagent.testing.sound import make_cough

GAME = Path("/usr/share/games/hedgewars/Data")
"""Debian's hedgewars-data: 145 MB, and the only laughs of people that it has."""
SPEAKERS = ("British", "Classic", "HillBilly", "Mobster", "Pirate", "Surfer")
"""Its voices of people who speak English, each once."""
PRAISE = (
    *("Amazing/Classic", "Brilliant/Classic", "Brilliant/Mobster", "Brilliant/Surfer", "Excellent/Classic"),
    *("Excellent/Surfer", "Hmm/British", "Hmm/Classic", "Hmm/Mobster", "Hmm/Pirate", "Hmm/Surfer"),
)
"""Those that last less than a second: in the longer ones whole sentences are acted."""
CRIES = ("Laugh", "Ouch", "Ow1", "Ooff1")
REMARKS = ("Comeonthen", "Leavemealone", "Watchthis", "Justyouwait", "Illgetyou", "Thisoneismine", "Takecover")
NOISES = ("hammer", "graveimpact", "steps", "bump", "Whistle")
MUSIC = ("Jungle", "Golf", "Rock")
SIGNS = ("Mm-hm.", "Uh-huh.", "Yeah.", "Okay.", "Right.", "I see.", "Sure.", "Got it.", "Oh.", "Wow.", "All right.")
HESITATION = ("Um.", "Uh.", "Er.")
LONGEST_S = 2.2
TURNED_AWAY, IN_THE_ROOM, TELEVISION = (-14.0, -8.0), (-20.0, -12.0), (-26.0, -16.0)
"""Levels at the microphone, in dB of the person's own: what bodies and rooms take away at one to four metres."""

Speak = Callable[[str, str], Pcm]
"""Speaks a text in a voice: 16 kHz."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Something that is heard beside the person's words to the agent."""

    kind: str
    """"backchannel", "tic" or "side_talk"."""
    name: str
    recorded: bool
    """Whether a person, or a thing, was recorded; otherwise a voice or a formula made it."""
    pcm: Pcm
    """16 kHz, as loud as the person."""
    levels_db: tuple[float, float] = (-6.0, 0.0)
    """How loud it is at the microphone, at least and at most, in dB of that."""
    distant: bool = False
    """Whether it comes through a room."""

    def at(self, level_db: float) -> Pcm:
        """Return it so loud, and through its room."""
        pcm = through_a_room(self.pcm) if self.distant else self.pcm
        quiet: Pcm = (pcm * 10 ** (level_db / 20)).astype(np.float32)
        return quiet


def through_a_room(pcm: Pcm) -> Pcm:
    """Return a sound from a few metres away: duller, and with the room's echoes (reverberation time 0.4 s)."""
    time_s = np.arange(round(0.3 * RATE)) / RATE
    tail = np.random.default_rng(1).standard_normal(len(time_s)) * np.exp(-6.9 * time_s / 0.4)
    tail[0] = 0.0
    response = 0.7 * tail / np.sqrt(np.sum(np.square(tail)))
    response[0] += 1.0
    dull = np.fft.irfft(_far(len(pcm) + len(response)) * np.fft.rfft(pcm, len(pcm) + len(response)))
    wet = np.fft.irfft(np.fft.rfft(dull) * np.fft.rfft(response, len(dull)))
    same_level = np.sqrt(np.mean(np.square(pcm)) / max(1e-12, float(np.mean(np.square(wet[: len(pcm)])))))
    heard: Pcm = (wet * same_level).astype(np.float32)
    return heard


def _far(count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    return 1 / np.sqrt(1 + (hertz / 3000) ** 2)


@cache
def _game(kind: str, speaker: str, name: str) -> Pcm:
    return _cut(read_audio(GAME / "Sounds" / kind / speaker / f"{name}.ogg", RATE))


def _cut(pcm: Pcm, longest_s: float = LONGEST_S) -> Pcm:
    return prepare(prepare(pcm)[: round(longest_s * RATE)])


def has_game() -> bool:
    """Return whether the recorded laughs are installed."""
    return GAME.exists()


def backchannels(speak: Speak, voices: tuple[str, ...]) -> Iterator[Sound]:
    """Yield signs of attention."""
    if has_game():
        for name, speaker in (praise.split("/") for praise in PRAISE):
            yield Sound("backchannel", f"{name}/{speaker}", True, _game("voices", speaker, name))
    for text, voice in ((text, voice) for text in SIGNS for voice in voices):
        yield Sound("backchannel", f"{text}/{voice}", False, prepare(speak(text, voice)))


def tics(speak: Speak, voices: tuple[str, ...]) -> Iterator[Sound]:
    """Yield laughs, cries, coughs, hesitation, doors and music."""
    if has_game():
        for name, speaker in ((name, speaker) for name in CRIES for speaker in SPEAKERS):
            if (GAME / "Sounds/voices" / speaker / f"{name}.ogg").exists():
                yield Sound("tic", f"{name}/{speaker}", True, _game("voices", speaker, name))
        for name in NOISES:
            yield Sound("tic", name, True, _game(".", ".", name), (-12.0, -3.0), distant=True)
        for name in MUSIC:
            music = read_audio(GAME / "Music" / f"{name}.ogg", RATE)[5 * RATE :]
            yield Sound("tic", f"music/{name}", True, _cut(music), (-20.0, -10.0), distant=True)
    person = next(iter(questions(1))).pcm
    for seed in range(4):
        yield Sound("tic", f"cough/{seed}", False, prepare(make_cough(seed)))
        yield Sound("tic", f"cough with voice/{seed}", False, prepare(make_cough(seed, person[seed * 2000 :])))
    for text, voice in ((text, voice) for text in HESITATION for voice in voices):
        yield Sound("tic", f"{text}/{voice}", False, prepare(speak(text, voice)))


def side_talk(own: list[Clip]) -> Iterator[Sound]:
    """Yield talk that is not for the agent: of the person, turned away; of others in the room; of a television."""
    for clip in own:
        yield Sound("side_talk", f"turned away/{clip.name}", True, _cut(clip.pcm), TURNED_AWAY, distant=True)
    if has_game():
        for name, speaker in ((name, speaker) for name in REMARKS for speaker in SPEAKERS):
            if (GAME / "Sounds/voices" / speaker / f"{name}.ogg").exists():
                pcm = _game("voices", speaker, name)
                yield Sound("side_talk", f"in the room/{name}/{speaker}", True, pcm, IN_THE_ROOM, distant=True)
    for one in recordings():
        if one.name.startswith(("librivox/", "cards/")):
            pcm = one.pcm()
            for number in range(max(1, round(len(pcm) / RATE / 3))):
                piece = _cut(pcm[number * 3 * RATE :], 3.0)
                yield Sound("side_talk", f"television/{one.name}/{number}", True, piece, TELEVISION, distant=True)
