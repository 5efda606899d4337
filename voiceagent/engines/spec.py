"""How a backend describes itself without importing its runtime: the application loops over specs and knows no engine.

A backend's folder has a `spec.py` with one `SPEC`. Those that come with voiceagent are listed in `registry.py`; a
package of your own adds its spec as an entry point of the group `voiceagent.engines` (docs/build.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

from voiceagent.config.settings import EngineSettings
from voiceagent.engines.finding import Finding
from voiceagent.engines.memory import MemoryUse
from voiceagent.engines.speed import Speed
from voiceagent.engines.steps import Steps, Talk
from voiceagent.weights import Store

EngineKind = Literal["asr", "llm", "tts", "vad", "turn"]
"""Also the name of the lane, and of the section of the settings."""
Device = Literal["cpu", "gpu", "auto", "remote"]
"""Where steps compute: on the CPU, on a GPU, on a GPU if there is one, or on another machine."""

S = TypeVar("S", bound=EngineSettings)


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What an engine is built into."""

    store: Store
    max_streams: int
    """The most streams open at once: conversations."""
    has_gpu: bool = False
    torch_bytes: int | None = None
    """How much of the GPU's memory all models that run in torch may take together; None: all of it."""
    speech_streams: int = 0
    """The most additional streams of recognisers, models and voices that belong to no conversation."""
    language: str = "en"
    """What conversations are held in (ISO 639-1), unless a session is configured otherwise."""

    @property
    def max_speech_streams(self) -> int:
        """The most streams of a recogniser, a model or a voice open at once."""
        return self.max_streams + self.speech_streams


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change of an engine's own settings that makes it take less memory."""

    change: dict[str, Any]
    """Settings of the section, by name."""
    harm: int = 0
    """What users lose: 0 hardly anything, 1 some speed, 2 another model of the kind."""


@dataclass(frozen=True, slots=True)
class EngineSpec(Generic[S]):
    """A backend. Subclasses override what applies to them; nothing here loads a model or imports a runtime."""

    absent: ClassVar[bool] = False
    """Whether there is no engine: its lane is not there, and what needs it is refused."""

    kind: EngineKind
    name: str
    """The value of `engine` in the settings."""
    settings: type[S]
    extra: str = ""
    """The EXTRA of `pip install voiceagent[EXTRA]` that installs its packages; "" if they come with voiceagent."""
    packages: tuple[str, ...] = ()
    """The distributions it computes with; step costs depend on their versions."""
    cost_settings: tuple[str, ...] = ()
    """Its settings on which step costs depend; sizes are in the cost keys."""

    def build(self, settings: S, context: BuildContext) -> Any:
        """Return the engine, not loaded yet; None if none is needed (a turn ended by silence).

        Imports the runtime. Raises VoiceAgentError, with the remedy, for missing packages or model files.
        """
        raise NotImplementedError

    def model(self, settings: S) -> str:
        """Return the name shown to users."""
        return self.name

    def languages(self, settings: S) -> tuple[str, ...]:
        """Return what it hears or speaks, as ISO 639-1 codes; none if any, or known only once it is loaded."""
        return ()

    def files(self, settings: S) -> tuple[str, ...]:
        """Return the models it reads: names in the weights manifest, paths, or org/name@revision."""
        return ()

    def device(self, settings: S) -> Device:
        """Return where its steps compute."""
        return "cpu"

    def memory(self, settings: S, context: BuildContext) -> tuple[MemoryUse, ...]:
        """Return what it will take, from files and settings alone. Raises VoiceAgentError if that is unknown."""
        return ()

    def steps(self, settings: S, talk: Talk) -> Steps | None:
        """Return the steps that a conversation asks of it; None if it declares none: admission then counts none."""
        return None

    def speed(self, settings: S, store: Store) -> Speed | None:
        """Return an estimate of a language model's speed on a CPU; None if there is none."""
        return None

    def findings(self, settings: S, context: BuildContext) -> Iterator[Finding]:
        """Yield what `voiceagent doctor` should report about it, in addition to its packages and files."""
        yield from ()

    def try_gpu(self, settings: S, context: BuildContext) -> Iterator[Finding]:
        """Yield what `voiceagent doctor --gpu` finds when its steps run on the GPU that is here, in a small size.

        Imports the runtime, may take a minute. Yields nothing where the settings put it elsewhere.
        """
        yield from ()

    def remedies(self, settings: S, context: BuildContext) -> Iterator[Remedy]:
        """Yield changes that make it take less memory, the mildest first."""
        yield from ()
