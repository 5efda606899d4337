"""What is known about the voice hibari without loading it."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from voiceagent.config.settings import TtsSettings
from voiceagent.config.values import Name, Threads
from voiceagent.engines.finding import Finding, ok, problem, skipped, warning
from voiceagent.engines.memory import MIB, MemoryUse
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import Talk, TtsSteps, steps

SENTENCE_SIZE = 2
"""The size of a typical sentence: 42 to 56 phonemes, in twenties."""


class HibariSettings(TtsSettings):
    """Hibari: a small voice, English, on the CPU."""

    engine: Literal["hibari"] = "hibari"
    voice: Name = "heart"
    """The name of the voice."""
    speed: float = Field(default=1.0, ge=0.5, le=2)
    """How fast it speaks; 1 is the voice's own pace."""
    threads: Threads = 1
    """CPU threads of the model."""


class HibariSpec(EngineSpec[HibariSettings]):
    """Describes the backend."""

    def build(self, settings: HibariSettings, context: BuildContext) -> Any:
        """Return the engine."""
        from voiceagent.engines.tts.hibari.engine import HibariEngine

        return HibariEngine(voice=settings.voice, speed=settings.speed, threads=settings.threads)

    def model(self, settings: HibariSettings) -> str:
        """Return the names of the engine and the voice."""
        return f"hibari ({settings.voice})"

    def languages(self, settings: HibariSettings) -> tuple[str, ...]:
        """Return English."""
        return ("en",)

    def memory(self, settings: HibariSettings, context: BuildContext) -> tuple[MemoryUse, ...]:
        """Return the measured memory."""
        return (MemoryUse(engine="tts", model="hibari", weights=8 * MIB, workspace=150 * MIB),)

    def steps(self, settings: HibariSettings, talk: Talk) -> TtsSteps:
        """Return the steps of a sentence, which is spoken as one utterance."""
        sound = (*steps("tts.spectra", SENTENCE_SIZE), *steps("tts.sound", SENTENCE_SIZE))
        return TtsSteps(
            begin=steps("tts.phonemes"),
            first_sound=sound,
            first_sound_s=talk.segment_s,
            sound=sound,
            sound_s=talk.segment_s,
        )

    def findings(self, settings: HibariSettings, context: BuildContext) -> Iterator[Finding]:
        """Yield whether the voice is installed; it needs no espeak."""
        spec = find_spec("hibari")
        if spec is None or spec.origin is None:
            yield skipped("voice", "the package hibari-tts is not installed")
            return
        voices = json.loads((Path(spec.origin).parent / "assets" / "voices.json").read_text(encoding="utf-8"))
        bundled = [name for name, about in voices.items() if about.get("bundled")]
        if settings.voice in bundled:
            yield ok("voice", f"{settings.voice} is in the package hibari-tts; espeak is not needed")
        elif settings.voice in voices:
            fetch = f'python -c "from hibari.voices import voice_path; voice_path({settings.voice!r})"'
            yield warning(
                "voice", f"{settings.voice} is not in the package and must be fetched once", f"if it is not: {fetch}"
            )
        else:
            yield problem(
                "voice", f"hibari has no voice {settings.voice}", f"set tts.voice to one of {', '.join(voices)}"
            )


SPEC = HibariSpec(
    "tts",
    "hibari",
    HibariSettings,
    packages=("onnxruntime", "hibari-tts"),
    cost_settings=("threads",),
)
