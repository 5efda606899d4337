"""What the user says in a turn, piece by piece: words, sounds and pauses.

Scripted engines hear words as they are written; for real ones they are spoken, by a voice or in a recording.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from voiceagent.audio.files import read_audio
from voiceagent.audio.pcm import Pcm
from voiceagent.evals.scenario import Turn
from voiceagent.testing.recordings import recording
from voiceagent.testing.sound import make_cough, voice

RATE = 16_000
VARIED = 0.1
"""By how much a repetition's pauses differ at most."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of speech, a sound or a pause."""

    text: str = ""
    pcm: Pcm | None = None
    pause_s: float = 0.0


class Utterances:
    """Makes the pieces of turns. `speak` is a voice, None where words are heard as they are written.

    With a `seed`, pauses differ by up to a tenth and coughs sound otherwise, the same for the same seed.
    """

    def __init__(self, folder: Path, speak: Callable[[str], Pcm] | None, seed: str | None) -> None:
        self._folder = folder
        self._speak = speak
        self._random = None if seed is None else Random(seed)

    def seconds(self, ms: int) -> float:
        """Return a length of time, varied."""
        factor = 1.0 if self._random is None else 1 + self._random.uniform(-VARIED, VARIED)
        return ms / 1000 * factor

    def of(self, turn: Turn) -> list[Piece]:
        """Return what is said. Raises VoiceAgentError for a recording that is not there."""
        if turn.sound == "cough":
            return [Piece(pcm=self._long_enough(make_cough(self._number()), turn.sound_ms))]
        if turn.sound == "hum":
            return [Piece(pcm=voice(turn.sound_ms / 1000))]
        if turn.recording is not None:
            recorded = recording(turn.recording)
            return [Piece(recorded.text, None if self._speak is None else recorded.pcm())]
        if turn.audio is not None:
            path = turn.audio if turn.audio.is_absolute() else self._folder / turn.audio
            return [Piece(turn.text, read_audio(path, RATE))]
        return [
            Piece(part, None if self._speak is None else self._speak(part))
            if isinstance(part, str)
            else Piece(pause_s=self.seconds(part.pause_ms))
            for part in turn.user
        ]

    def _number(self) -> int:
        return 0 if self._random is None else self._random.randrange(8)

    def _long_enough(self, pcm: Pcm, ms: int) -> Pcm:
        """Return a sound of that length: cut, or again and again."""
        return np.resize(pcm, ms * RATE // 1000)
