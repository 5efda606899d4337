"""What is known about Moonshine without loading it."""

from typing import Any, Literal

from voiceagent.config.settings import AsrSettings
from voiceagent.config.values import Name, Threads
from voiceagent.engines.contract import Need
from voiceagent.engines.files import size_of
from voiceagent.engines.memory import MIB, MemoryUse
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import AsrSteps, Listening, Talk, steps

WORKSPACE = 90 * MIB
"""The most that a process grew, on top of the weights, until the model was loaded and warm (measured)."""


class MoonshineSettings(AsrSettings):
    """Moonshine: small, English, on the CPU."""

    engine: Literal["moonshine"] = "moonshine"
    model: Name = "moonshine-tiny-en"
    """The model's name in the weights manifest."""
    threads: Threads = 1
    """CPU threads of the model."""


class MoonshineSpec(EngineSpec[MoonshineSettings]):
    """Describes the backend."""

    def build(self, settings: MoonshineSettings, context: BuildContext) -> Any:
        """Return the engine."""
        from voiceagent.engines.asr.moonshine.engine import MoonshineEngine

        return MoonshineEngine(
            encoder=context.store.path(settings.model, "encoder_model.ort"),
            decoder=context.store.path(settings.model, "decoder_model_merged.ort"),
            tokenizer=context.store.path(settings.model, "tokenizer.bin"),
            threads=settings.threads,
            partial_interval_s=settings.partial_interval_ms / 1000 if settings.partials else None,
        )

    def model(self, settings: MoonshineSettings) -> str:
        """Return the model's name."""
        return settings.model

    def languages(self, settings: MoonshineSettings) -> tuple[str, ...]:
        """Return English."""
        return ("en",)

    def files(self, settings: MoonshineSettings) -> tuple[str, ...]:
        """Return the model."""
        return (settings.model,)

    def memory(self, settings: MoonshineSettings, context: BuildContext) -> tuple[MemoryUse, ...]:
        """Return the weights and the measured workspace."""
        weights = size_of(context.store, settings.model)
        return (MemoryUse(engine="asr", model=settings.model, weights=weights, workspace=WORKSPACE),)

    def steps(self, settings: MoonshineSettings, talk: Talk) -> AsrSteps:
        """Return an encoder step over all the audio, and decoder steps: fewer where partials predicted the text."""
        encode = steps("asr.encode", talk.transcribed_s)
        drafted = (*encode, *steps("asr.decode", times=talk.drafted_steps))
        if not settings.partials:
            whole = steps("asr.decode", times=talk.transcribed_s * talk.speech_tokens_per_s)
            return AsrSteps(transcript=(*encode, *whole))
        every_s = settings.partial_interval_ms / 1000
        partials = Listening(drafted, every_s, always=False, need=Need.SPECULATIVE)
        return AsrSteps(listening=(partials,), transcript=drafted)


SPEC = MoonshineSpec(
    "asr", "moonshine", MoonshineSettings, packages=("onnxruntime",), cost_settings=("model", "threads")
)
