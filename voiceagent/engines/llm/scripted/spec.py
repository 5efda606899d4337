"""What is known about the scripted language model."""

from typing import Any, Literal

from voiceagent.config.settings import LlmSettings
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import LlmSteps, Talk, steps


class ScriptedLlmSettings(LlmSettings):
    """A script in place of a language model: it repeats what the user said."""

    engine: Literal["scripted"] = "scripted"


class ScriptedLlmSpec(EngineSpec[ScriptedLlmSettings]):
    """Describes the backend."""

    def build(self, settings: ScriptedLlmSettings, context: BuildContext) -> Any:
        """Return the engine."""
        from voiceagent.engines.llm.scripted.engine import ScriptedLlm

        return ScriptedLlm()

    def steps(self, settings: ScriptedLlmSettings, talk: Talk) -> LlmSteps:
        """Return one step for the prompt and one per word."""
        text = steps("llm.decode", times=talk.segment_words)
        return LlmSteps(prompt=steps("llm.prefill"), first_text=text, text=text)


SPEC = ScriptedLlmSpec("llm", "scripted", ScriptedLlmSettings)
