"""What is known about the scripted voice activity detector."""

from typing import Any, Literal

from voiceagent.config.settings import VadSettings
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import BATCH, Listening, Talk, VadSteps, steps
from voiceagent.engines.vad.contract import FRAME_S


class ScriptedVadSettings(VadSettings):
    """A script in place of a detector: what is loud is speech."""

    engine: Literal["scripted"] = "scripted"


class ScriptedVadSpec(EngineSpec[ScriptedVadSettings]):
    """Describes the backend."""

    def build(self, settings: ScriptedVadSettings, context: BuildContext) -> Any:
        """Return the engine."""
        from voiceagent.engines.vad.scripted.engine import ScriptedVad

        return ScriptedVad()

    def steps(self, settings: ScriptedVadSettings, talk: Talk) -> VadSteps:
        """Return a step for every frame."""
        return VadSteps(listening=(Listening(steps("vad.frame", share=BATCH), FRAME_S, always=True),))


SPEC = ScriptedVadSpec("vad", "scripted", ScriptedVadSettings)
