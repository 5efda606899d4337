"""What is known about the scripted voice."""

from typing import Any, Literal

from voiceagent.config.settings import TtsSettings
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import Talk, TtsSteps, steps


class ScriptedTtsSettings(TtsSettings):
    """A script in place of a voice: a tone for every word."""

    engine: Literal["scripted"] = "scripted"


class ScriptedTtsSpec(EngineSpec[ScriptedTtsSettings]):
    """Describes the backend."""

    def build(self, settings: ScriptedTtsSettings, context: BuildContext) -> Any:
        """Return the engine."""
        from voiceagent.engines.tts.scripted.engine import ScriptedTts

        return ScriptedTts()

    def steps(self, settings: ScriptedTtsSettings, talk: Talk) -> TtsSteps:
        """Return a step for every word."""
        word, word_s = steps("tts.segment"), talk.segment_s / talk.segment_words
        return TtsSteps(first_sound=word, first_sound_s=word_s, sound=word, sound_s=word_s)


SPEC = ScriptedTtsSpec("tts", "scripted", ScriptedTtsSettings)
