"""What is known about Magpie TTS without loading it."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from voiceagent.config.settings import TtsSettings
from voiceagent.config.values import Name, Threads
from voiceagent.engines.files import size_of
from voiceagent.engines.finding import Finding, ok
from voiceagent.engines.machine import nvidia_gpus
from voiceagent.engines.memory import MemoryUse
from voiceagent.engines.nemo.magpie_checkpoint import CACHE_BYTES
from voiceagent.engines.nemo.spec import PACKAGES, NemoSettings, NemoSpec
from voiceagent.engines.spec import BuildContext, Remedy
from voiceagent.engines.steps import BATCH, Talk, TtsSteps, steps
from voiceagent.engines.tts.magpie.presets import PRESETS
from voiceagent.engines.tts.magpie.voices import DEFAULT

if TYPE_CHECKING:
    import torch

FRAME_S = 1024 / 22_050
"""A frame of the codec; its module needs torch."""
PACKED = 0.27
"""The share of both checkpoints' weights in layers that run at every step: not in encoders, tables and codec."""


class MagpieSettings(TtsSettings, NemoSettings):
    """NVIDIA Magpie TTS, streaming, in NeMo's modules; needs `pip install voiceagent[nemo]`."""

    engine: Literal["magpie"] = "magpie"
    voice: Name = DEFAULT
    """The name of the voice."""
    model: Name = "magpie-tts-multilingual-v2607"
    """The model's name in the weights manifest, the path of a .nemo file, or org/name@revision."""
    codec: Name = "nemo-nano-codec-22khz"
    """The same for the codec, which is a separate checkpoint."""
    threads: Threads = 1
    """CPU threads of the model; with two or more, one makes sound of the frames while the next ones are decoded."""
    preset: Literal["aggressive", "balanced", "conservative"] = "balanced"
    """How much is decoded before it is played: the first audio comes after 4, 6 or 8 frames of 46 ms."""
    guidance: bool = True
    """Classifier-free guidance: follows the text more closely, at twice the cost."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """Randomness of the voice; 0 always takes the most likely code, null uses the checkpoint's recommendation."""
    normalize: bool = True
    """Whether NeMo's grammars, or where they cannot be loaded voiceagent's readings, first put numbers into words."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """The seed of the random choices: the same text sounds the same."""


class MagpieSpec(NemoSpec):
    """Describes the backend."""

    def build(self, settings: MagpieSettings, context: BuildContext) -> Any:
        """Return the engine. Raises VoiceAgentError if NeMo is not installed."""
        from voiceagent.engines.nemo.runtime import require_nemo

        require_nemo()

        def load_model() -> Any:
            from voiceagent.engines.nemo.magpie_checkpoint import load_magpie
            from voiceagent.engines.nemo.memory import limit_torch
            from voiceagent.engines.nemo.runtime import pick_device, pick_dtype

            device = pick_device(settings.device)
            limit_torch(context.torch_bytes, device)
            return load_magpie(
                settings.model,
                codec=settings.codec,
                store=context.store,
                device=device,
                dtype=pick_dtype(settings.dtype, device),
                streams=context.max_speech_streams,
                threads=settings.threads,
            )

        from voiceagent.engines.tts.magpie.engine import MagpieEngine

        return MagpieEngine(
            load_model,
            voice=settings.voice,
            language=context.language,
            preset=settings.preset,
            guidance=settings.guidance,
            temperature=settings.temperature,
            normalize=settings.normalize,
            seed=settings.seed,
            threads=settings.threads,
            max_streams=context.max_speech_streams,
        )

    def model(self, settings: MagpieSettings) -> str:
        """Return the names of the engine and the voice."""
        return f"magpie ({settings.voice})"

    def files(self, settings: MagpieSettings) -> tuple[str, ...]:
        """Return the model and the codec."""
        return (settings.model, settings.codec)

    def memory(self, settings: MagpieSettings, context: BuildContext) -> tuple[MemoryUse, ...]:
        """Return the checkpoints' sizes, and an utterance's caches for every stream."""
        return self.uses(
            settings,
            context,
            model=settings.model,
            stored=size_of(context.store, settings.model) + size_of(context.store, settings.codec),
            packed=PACKED,
            caches=context.max_speech_streams * CACHE_BYTES,
            per_session=CACHE_BYTES,
        )

    def findings(self, settings: MagpieSettings, context: BuildContext) -> Iterator[Finding]:
        """Yield what reads numbers aloud where NeMo's grammars are not installed (there are none for aarch64)."""
        yield from NemoSpec.findings(self, settings, context)
        if settings.normalize and find_spec("nemo") is not None and find_spec("nemo_text_processing") is None:
            yield ok(
                "tts", "NeMo's text normalisation is not installed: voiceagent's own readings say numbers and dates"
            )

    def try_model(self, device: "torch.device") -> Iterator[Finding]:
        """Yield whether a small voice says and sounds the same on a device as on the CPU."""
        from voiceagent.engines.tts.magpie.trial import try_voice

        yield from try_voice(device)

    def steps(self, settings: MagpieSettings, talk: Talk) -> TtsSteps:
        """Return frames decoded one by one, for all callers together, and the codec's pieces.

        With two threads of a CPU sound is made during the steps, and only that of the last frames afterwards.
        """
        preset = PRESETS[settings.preset]

        def decoding(frames: int) -> Any:
            return steps("tts.decode", times=frames, share=BATCH)

        def decoding_with_sound(frames: int) -> Any:
            return steps("tts.decode_sound", times=frames, share=BATCH)

        begin = (*steps("tts.text", 0), *steps("tts.begin", 0))
        if settings.threads > 1 and not self._has_gpu(settings):
            return TtsSteps(
                begin=begin,
                first_sound=(*decoding(1), *decoding_with_sound(preset.first)),
                first_sound_s=preset.first * FRAME_S,
                sound=decoding_with_sound(preset.following),
                sound_s=preset.following * FRAME_S,
            )
        return TtsSteps(
            begin=begin,
            first_sound=(*decoding(preset.first + 1), *steps("tts.sound", preset.first)),
            first_sound_s=preset.first * FRAME_S,
            sound=(*decoding(preset.following), *steps("tts.sound", preset.following)),
            sound_s=preset.following * FRAME_S,
        )

    def _has_gpu(self, settings: MagpieSettings) -> bool:
        return settings.device == "cuda" or (settings.device == "auto" and bool(nvidia_gpus()))

    def remedies(self, settings: MagpieSettings, context: BuildContext) -> Iterator[Remedy]:
        """Yield the small embedded voice."""
        yield Remedy({"engine": "hibari"}, harm=1)


SPEC = MagpieSpec(
    "tts",
    "magpie",
    MagpieSettings,
    extra="nemo",
    packages=PACKAGES,
    cost_settings=("model", "codec", "device", "dtype", "threads", "preset", "guidance"),
)
