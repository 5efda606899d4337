"""What is known about the scripted recogniser."""

from typing import Any, Literal

from voiceagent.config.settings import AsrSettings
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import AsrSteps, Listening, Talk, steps

WORDS_PER_S = 3.0


class ScriptedAsrSettings(AsrSettings):
    """A script in place of a recogniser: it understands the same, whatever is said."""

    engine: Literal["scripted"] = "scripted"


class ScriptedAsrSpec(EngineSpec[ScriptedAsrSettings]):
    """Describes the backend."""

    def build(self, settings: ScriptedAsrSettings, context: BuildContext) -> Any:
        """Return the engine."""
        from voiceagent.engines.asr.scripted.engine import ScriptedAsr

        return ScriptedAsr(partial_interval_s=settings.partial_interval_ms / 1000 if settings.partials else None)

    def steps(self, settings: ScriptedAsrSettings, talk: Talk) -> AsrSteps:
        """Return a partial for every word, or as often as is set, and a final transcript."""
        every_s = max(1 / WORDS_PER_S, settings.partial_interval_ms / 1000)
        partials = Listening(steps("asr.partial"), every_s, always=False)
        return AsrSteps(listening=(partials,) if settings.partials else (), transcript=steps("asr.final"))


SPEC = ScriptedAsrSpec("asr", "scripted", ScriptedAsrSettings)
