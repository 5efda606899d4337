"""Turns ended by silence alone: there is no engine."""

from typing import Any, Literal

from voiceagent.config.settings import TurnSilenceSettings
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import Talk, TurnSteps


class SilenceSettings(TurnSilenceSettings):
    """Silence alone ends a turn."""

    engine: Literal["silence"] = "silence"


class SilenceSpec(EngineSpec[SilenceSettings]):
    """Describes the lack of a backend."""

    def build(self, settings: SilenceSettings, context: BuildContext) -> Any:
        """Return None: the session's own clock is enough."""
        return None

    def steps(self, settings: SilenceSettings, talk: Talk) -> TurnSteps:
        """Return no step."""
        return TurnSteps()


SPEC = SilenceSpec("turn", "silence", SilenceSettings)
