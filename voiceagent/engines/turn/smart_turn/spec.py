"""What is known about Smart Turn without loading it."""

from typing import Any, Literal

from pydantic import Field

from voiceagent.config.settings import TurnDetectorSettings
from voiceagent.config.values import Name, Threads
from voiceagent.engines.files import size_of
from voiceagent.engines.memory import MIB, MemoryUse
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import Talk, TurnSteps, steps

WORKSPACE = 36 * MIB
"""Measured as for Moonshine."""


class SmartTurnSettings(TurnDetectorSettings):
    """Smart Turn: a model that hears whether the sentence sounds finished, on the CPU."""

    engine: Literal["smart_turn"] = "smart_turn"
    model: Name = "smart-turn-3.2"
    """The model's name in the weights manifest."""
    threads: Threads = 1
    """CPU threads of the model."""
    window_s: float = Field(default=3, ge=1.5, le=8)
    """How much of the latest audio it judges, in seconds; its time grows with that, its accuracy does not."""


class SmartTurnSpec(EngineSpec[SmartTurnSettings]):
    """Describes the backend."""

    def build(self, settings: SmartTurnSettings, context: BuildContext) -> Any:
        """Return the engine."""
        from voiceagent.engines.turn.smart_turn.engine import SmartTurnEngine

        path = context.store.path(settings.model, "smart-turn-v3.2-cpu.onnx")
        return SmartTurnEngine(path, settings.threads, settings.window_s)

    def model(self, settings: SmartTurnSettings) -> str:
        """Return the model's name."""
        return settings.model

    def files(self, settings: SmartTurnSettings) -> tuple[str, ...]:
        """Return the model."""
        return (settings.model,)

    def memory(self, settings: SmartTurnSettings, context: BuildContext) -> tuple[MemoryUse, ...]:
        """Return the weights and the measured workspace."""
        weights = size_of(context.store, settings.model)
        return (MemoryUse(engine="turn", model=settings.model, weights=weights, workspace=WORKSPACE),)

    def steps(self, settings: SmartTurnSettings, talk: Talk) -> TurnSteps:
        """Return a step for the features and one for the model."""
        return TurnSteps(judgement=(*steps("turn.features"), *steps("turn.model")))


SPEC = SmartTurnSpec(
    "turn", "smart_turn", SmartTurnSettings, packages=("onnxruntime",), cost_settings=("model", "threads", "window_s")
)
