"""A voice without a model: a soft tone for every word, of a known length."""

import time
from collections.abc import Callable, Generator

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.speech import Word
from voiceagent.engines.contract import CostKey
from voiceagent.engines.scripted import ScriptedEngine, ScriptedStep
from voiceagent.engines.timing import SMALL_CPU, StepTimes
from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.engines.tts.segments import SegmentQueue

SEGMENT: CostKey = ("tts.segment", 1)
PITCH_HZ = 220.0
VOICES = {"low": PITCH_HZ, "high": 2 * PITCH_HZ}
PITCH_STEP_HZ = 12.0
"""A longer word sounds a little higher, so that a listener can hear (and a test can see) where a word ends."""
AMPLITUDE = 0.2
FADE_S = 0.005
"""Each word's tone fades in and out this long, so that nothing clicks."""


def tone(word: str, samples: int, sample_rate: int, pitch_hz: float = PITCH_HZ) -> NDArray[np.float32]:
    """Return the sound of a word: float32 mono, amplitude 0.2."""
    pitch = pitch_hz + PITCH_STEP_HZ * (len(word) % 5)
    wave = AMPLITUDE * np.sin(2 * np.pi * pitch / sample_rate * np.arange(samples))
    fade = min(int(FADE_S * sample_rate), samples // 2)
    ramp = np.linspace(0.0, 1.0, fade, endpoint=False)
    wave[:fade] *= ramp
    wave[samples - fade :] *= ramp[::-1]
    pcm: NDArray[np.float32] = wave.astype(np.float32)
    return pcm


class ScriptedTts(SegmentQueue, ScriptedEngine):
    """Speaks every word for `word_s` seconds, one word per step.

    The word `fail_at` (counted from 1) of every segment raises; set it to None to recover.
    """

    first_step = SEGMENT

    def __init__(
        self,
        *,
        sample_rate: int = 24_000,
        word_s: float = 0.3,
        fail_at: int | None = None,
        timing: StepTimes = SMALL_CPU,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__("tts", timing, sleep)
        self._sample_rate = sample_rate
        self.word_s = word_s
        self.fail_at = fail_at

    @property
    def sample_rate(self) -> int:
        """Sample rate of its audio in Hz."""
        return self._sample_rate

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices available for a segment; the first is the default."""
        return tuple(VOICES)

    def speak(self, generation: int, segment: int, text: str, voice: str) -> Generator[ScriptedStep, None, None]:
        """Yield one step per word."""
        words = text.split()
        rate, word_s = self._sample_rate, self.word_s
        if not words:
            yield ScriptedStep(SpeechAudio(generation, segment, np.zeros(0, np.float32), (), final=True))
        for number, word in enumerate(words, 1):
            if number == self.fail_at:
                raise RuntimeError(f"scripted to fail at word {number}")
            start, end = round((number - 1) * word_s * rate), round(number * word_s * rate)
            spoken = Word(word, start / rate, end / rate)
            final = number == len(words)
            audio = SpeechAudio(generation, segment, tone(word, end - start, rate, VOICES[voice]), (spoken,), final)
            yield ScriptedStep(audio, None if final else SEGMENT)
