"""The voice: a word is a step, which takes well under a millisecond."""

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.speech import Word
from voiceagent.engines.queue import Next
from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.engines.tts.segments import SegmentQueue

SIGNS = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
    "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. .-.-.- --..-- ..--.."
)
CODES = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,?", SIGNS.split(" "), strict=True))
DIT, DAH = 1, 3
"""Lengths of the signs in units (ITU-R M.1677-1); the gap is 1 within a character, 3 between two, 7 between words."""
UNITS_PER_WORD = 50
"""PARIS and the gap after it."""
STEP = ("tts.word", 1)
"""What a step costs depends on this: its kind and its size."""


class MorseVoice(SegmentQueue):
    """Speaks every segment it is given, one word a step."""

    first_step = STEP
    sample_rate = 24_000
    voices = ("key",)

    def __init__(self, *, words_per_minute: int = 30, pitch_hz: int = 600) -> None:
        super().__init__("tts")
        self._unit_samples = round(self.sample_rate * 60 / UNITS_PER_WORD / words_per_minute)
        self._pitch_hz = pitch_hz

    def load(self) -> None:
        """There is nothing to load."""

    def speak(self, generation: int, segment: int, text: str, voice: str) -> Generator[object, None, object]:
        """Yield the audio of each word; what is yielded goes to the session, between two yields others may run."""
        words, seconds = text.split() or [""], 0.0
        for number, word in enumerate(words, 1):
            pcm = self._sound(word)
            heard = (Word(word, seconds, seconds + len(pcm) / self.sample_rate),) if word else ()
            seconds += len(pcm) / self.sample_rate
            audio = SpeechAudio(generation, segment, pcm, heard, final=number == len(words))
            if audio.final:
                return audio
            yield Next(STEP, audio)
        return None

    def _sound(self, word: str) -> NDArray[np.float32]:
        """Return a word's signs and the gap after it: float32 mono, amplitude 0.3."""
        units: list[int] = []
        for code in filter(None, (CODES.get(character.upper()) for character in word)):
            for sign in code:
                units += [1] * (DIT if sign == "." else DAH) + [0]
            units += [0, 0]
        units += [0, 0, 0, 0]
        key = np.repeat(np.array(units, np.float32), self._unit_samples)
        time = np.arange(len(key)) / self.sample_rate
        pcm: NDArray[np.float32] = (0.3 * key * np.sin(2 * np.pi * self._pitch_hz * time)).astype(np.float32)
        return pcm
