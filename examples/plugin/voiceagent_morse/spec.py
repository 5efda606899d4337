"""What is known of the voice without loading it. Imports no runtime: `engine.py` is imported by `build`."""

from typing import Any, Literal

from pydantic import Field

from voiceagent.config.settings import TtsSettings
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import Talk, TtsSteps, steps


class MorseSettings(TtsSettings):
    """Morse code, on any machine."""

    engine: Literal["morse"] = "morse"
    words_per_minute: int = Field(default=30, ge=5, le=60)
    """How fast it speaks, in words as long as PARIS."""
    pitch_hz: int = Field(default=600, ge=200, le=2000)
    """The frequency of its tone."""


class MorseSpec(EngineSpec[MorseSettings]):
    """Describes the engine."""

    def build(self, settings: MorseSettings, context: BuildContext) -> Any:
        """Return the engine."""
        from voiceagent_morse.engine import MorseVoice

        return MorseVoice(words_per_minute=settings.words_per_minute, pitch_hz=settings.pitch_hz)

    def steps(self, settings: MorseSettings, talk: Talk) -> TtsSteps:
        """Return a step for each word: with this, admission foresees what a caller costs."""
        word_s = 60 / settings.words_per_minute
        word = steps("tts.word")
        return TtsSteps(first_sound=word, first_sound_s=word_s, sound=word, sound_s=word_s)


SPEC = MorseSpec("tts", "morse", MorseSettings)
