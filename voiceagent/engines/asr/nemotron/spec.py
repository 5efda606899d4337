"""What is known about Nemotron Speech without loading it."""

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING, Any, Literal

from voiceagent.config.settings import AsrSettings
from voiceagent.config.values import Milliseconds, Name
from voiceagent.engines.files import size_of
from voiceagent.engines.finding import Finding
from voiceagent.engines.memory import MemoryUse
from voiceagent.engines.nemo.memory import recogniser_slot_bytes
from voiceagent.engines.nemo.spec import PACKAGES, NemoSettings, NemoSpec
from voiceagent.engines.spec import BuildContext
from voiceagent.engines.steps import BATCH, AsrSteps, Listening, Talk, steps

if TYPE_CHECKING:
    import torch

FRAME_S = 0.08
"""A frame of the encoder; its module needs torch."""
PACKED = 0.94
"""The share of the weights in the encoder's linear layers, at 0.6 billion parameters."""


class NemotronSettings(AsrSettings, NemoSettings):
    """NVIDIA Nemotron Speech, streaming, in NeMo's modules; needs `pip install voiceagent[nemo]`."""

    engine: Literal["nemotron"] = "nemotron"
    model: Name = "nemotron-speech-streaming-en-0.6b"
    """The model's name in the weights manifest, the path of a .nemo file, or org/name@revision."""
    right_context: Literal[0, 1, 6, 13] = 1
    """Frames of 80 ms to look ahead: steps of 80, 160, 560 or 1120 ms. More is more accurate, and later."""
    tail_ms: Milliseconds = 160
    """Silence that a final transcript looks ahead into, beyond the end of its last step."""
    language: Name = "auto"
    """The language to expect, such as en-US, for multilingual checkpoints."""


class NemotronSpec(NemoSpec):
    """Describes the backend."""

    def build(self, settings: NemotronSettings, context: BuildContext) -> Any:
        """Return the engine. Raises VoiceAgentError where NeMo is not installed."""
        from voiceagent.engines.nemo.runtime import pick_device, pick_dtype, require_nemo

        require_nemo()
        from voiceagent.engines.asr.nemotron.engine import NemotronEngine
        from voiceagent.engines.nemo.checkpoint import load_asr
        from voiceagent.engines.nemo.memory import limit_torch

        def load_model() -> Any:
            device = pick_device(settings.device)
            limit_torch(context.torch_bytes, device)
            return load_asr(
                settings.model,
                store=context.store,
                device=device,
                dtype=pick_dtype(settings.dtype, device),
                language=settings.language,
                threads=settings.threads,
            )

        return NemotronEngine(
            load_model,
            right_context=settings.right_context,
            max_streams=context.max_speech_streams,
            tail_ms=settings.tail_ms,
            partial_interval_s=settings.partial_interval_ms / 1000 if settings.partials else None,
        )

    def model(self, settings: NemotronSettings) -> str:
        """Return the model's name."""
        return settings.model

    def languages(self, settings: NemotronSettings) -> tuple[str, ...]:
        """Return English for the English checkpoints."""
        return ("en",) if "-en-" in settings.model else ()

    def files(self, settings: NemotronSettings) -> tuple[str, ...]:
        """Return the model."""
        return (settings.model,)

    def memory(self, settings: NemotronSettings, context: BuildContext) -> tuple[MemoryUse, ...]:
        """Return the checkpoint's size, a slot and a fork's slot for every stream, and a spare slot."""
        slot = recogniser_slot_bytes(settings.right_context)
        of_stream = 2 * slot
        return self.uses(
            settings,
            context,
            model=settings.model,
            stored=size_of(context.store, settings.model),
            packed=PACKED,
            caches=context.max_speech_streams * of_stream + slot,
            per_session=of_stream,
        )

    def try_model(self, device: "torch.device") -> Iterator[Finding]:
        """Yield whether a small recogniser hears the same on a device as on the CPU."""
        from voiceagent.engines.asr.nemotron.trial import try_recogniser

        yield from try_recogniser(device)

    def steps(self, settings: NemotronSettings, talk: Talk) -> AsrSteps:
        """Return a recurring chunk, silence included, and the chunks of a fork: the last word's, and the tail."""
        chunk_s = (settings.right_context + 1) * FRAME_S
        return AsrSteps(
            listening=(Listening(steps("asr.chunk", share=BATCH), chunk_s, always=True),),
            transcript=steps("asr.chunk", times=1 + ceil(settings.tail_ms / 1000 / chunk_s), share=BATCH),
        )


SPEC = NemotronSpec(
    "asr",
    "nemotron",
    NemotronSettings,
    extra="nemo",
    packages=PACKAGES,
    cost_settings=("model", "device", "dtype", "threads", "right_context"),
)
