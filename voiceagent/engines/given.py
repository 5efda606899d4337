"""Engines that a program passes as objects: each replaces the backend that the settings would name."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from voiceagent.config.settings import (
    AsrSettings,
    LlmSettings,
    TtsSettings,
    TurnDetectorSettings,
    VadSettings,
)
from voiceagent.engines.spec import BuildContext, EngineSpec


class GivenAsr(AsrSettings):
    """A recogniser. Whether and when it has partial transcripts is its own affair."""

    engine: Literal["given"] = "given"
    instance: Any = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _partials_are_its_own(self) -> Self:
        for name in ("partials", "partial_interval_ms"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(
                    f"{name} has no effect on a recogniser that is passed as an object: configure the object"
                )
        return self


class GivenLlm(LlmSettings):
    """A language model."""

    engine: Literal["given"] = "given"
    instance: Any = Field(default=None, repr=False)


class GivenTts(TtsSettings):
    """A voice."""

    engine: Literal["given"] = "given"
    instance: Any = Field(default=None, repr=False)


class GivenVad(VadSettings):
    """A voice activity detector."""

    engine: Literal["given"] = "given"
    instance: Any = Field(default=None, repr=False)


class GivenTurn(TurnDetectorSettings):
    """A turn detector."""

    engine: Literal["given"] = "given"
    instance: Any = Field(default=None, repr=False)


class GivenSpec(EngineSpec[Any]):
    """Describes an object by what holds for any engine."""

    def build(self, settings: Any, context: BuildContext) -> Any:
        """Return the object."""
        return settings.instance

    def model(self, settings: Any) -> str:
        """Return the name of its class."""
        return type(settings.instance).__name__


SPECS = (
    GivenSpec("asr", "given", GivenAsr),
    GivenSpec("llm", "given", GivenLlm),
    GivenSpec("tts", "given", GivenTts),
    GivenSpec("vad", "given", GivenVad),
    GivenSpec("turn", "given", GivenTurn),
)
