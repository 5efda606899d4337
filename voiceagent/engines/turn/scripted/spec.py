"""What is known about the scripted turn detector."""

from typing import Any, Literal

from voiceagent.config.settings import TurnDetectorSettings
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import Talk, TurnSteps, steps


class ScriptedTurnSettings(TurnDetectorSettings):
    """A script in place of a detector: every turn is over at its first silence."""

    engine: Literal["scripted"] = "scripted"


class ScriptedTurnSpec(EngineSpec[ScriptedTurnSettings]):
    """Describes the backend."""

    def build(self, settings: ScriptedTurnSettings, context: BuildContext) -> Any:
        """Return the engine."""
        from voiceagent.engines.turn.scripted.engine import ScriptedTurn

        return ScriptedTurn()

    def steps(self, settings: ScriptedTurnSettings, talk: Talk) -> TurnSteps:
        """Return the one step of a judgement."""
        return TurnSteps(judgement=steps("turn.predict"))


SPEC = ScriptedTurnSpec("turn", "scripted", ScriptedTurnSettings)
