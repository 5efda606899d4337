"""What is known about Silero VAD without loading it."""

from typing import Any, Literal

from voiceagent.config.settings import VadSettings
from voiceagent.config.values import Threads
from voiceagent.engines.files import size_of
from voiceagent.engines.memory import MIB, MemoryUse
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import BATCH, Listening, Talk, VadSteps, steps
from voiceagent.engines.vad.contract import FRAME_S

MODEL = "silero-vad-6.2"
WORKSPACE = 24 * MIB
"""Measured as for Moonshine."""


class SileroSettings(VadSettings):
    """Silero VAD, on the CPU."""

    engine: Literal["silero"] = "silero"
    threads: Threads = 1
    """CPU threads of the model."""


class SileroSpec(EngineSpec[SileroSettings]):
    """Describes the backend."""

    def build(self, settings: SileroSettings, context: BuildContext) -> Any:
        """Return the engine."""
        from voiceagent.engines.vad.silero.engine import SileroEngine

        return SileroEngine(context.store.path(MODEL, "silero_vad.onnx"), threads=settings.threads)

    def files(self, settings: SileroSettings) -> tuple[str, ...]:
        """Return the model."""
        return (MODEL,)

    def memory(self, settings: SileroSettings, context: BuildContext) -> tuple[MemoryUse, ...]:
        """Return the weights and what was measured."""
        return (MemoryUse(engine="vad", model=MODEL, weights=size_of(context.store, MODEL), workspace=WORKSPACE),)

    def steps(self, settings: SileroSettings, talk: Talk) -> VadSteps:
        """Return a step for every frame."""
        return VadSteps(listening=(Listening(steps("vad.frame", share=BATCH), FRAME_S, always=True),))


SPEC = SileroSpec("vad", "silero", SileroSettings, packages=("onnxruntime",), cost_settings=("threads",))
