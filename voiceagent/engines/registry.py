"""The available backends: those that come with voiceagent, then the entry points of the group `voiceagent.engines`.

The first of a kind is the default. A spec is imported when it is needed; no spec imports a runtime.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from voiceagent.config.concrete import EngineModels
from voiceagent.config.settings import ENGINE_SECTIONS, EngineSettings
from voiceagent.engines.spec import EngineSpec
from voiceagent.errors import VoiceAgentError

GROUP = "voiceagent.engines"
BUILT_IN = (
    "asr.moonshine",
    "asr.nemotron",
    "asr.remote",
    "asr.scripted",
    "asr.none",
    "llm.llama",
    "llm.openai",
    "llm.scripted",
    "llm.none",
    "tts.hibari",
    "tts.magpie",
    "tts.remote",
    "tts.scripted",
    "tts.none",
    "vad.silero",
    "vad.scripted",
    "turn.smart_turn",
    "turn.silence",
    "turn.scripted",
)


@cache
def specs() -> dict[tuple[str, str], EngineSpec[Any]]:
    """Return every backend's spec by kind and name.

    Raises VoiceAgentError for an entry point that cannot be imported, is no spec, or uses a name already taken.
    """
    found: dict[tuple[str, str], EngineSpec[Any]] = {}
    for folder in (*BUILT_IN, "given"):
        module = import_module(f"voiceagent.engines.{folder}{'.spec' if '.' in folder else ''}")
        for spec in getattr(module, "SPECS", ()) or (module.SPEC,):
            found[spec.kind, spec.name] = spec
    for entry in entry_points(group=GROUP):
        spec = _plugged_in(entry)
        if (spec.kind, spec.name) in found:
            raise VoiceAgentError(
                f"The package {_package(entry)} adds an engine {spec.kind}.{spec.name}, which exists already: "
                "remove one of them."
            )
        found[spec.kind, spec.name] = spec
    return found


@cache
def engine_models() -> EngineModels:
    """Return the settings of every backend that a configuration may use, by section and name."""
    named = [spec for spec in specs().values() if spec.name != GIVEN]
    return {kind: {spec.name: spec.settings for spec in named if spec.kind == kind} for kind in ENGINE_SECTIONS}


GIVEN = "given"
"""The name of an engine that was passed as an object: no configuration can name it."""


def spec_of(kind: str, settings: EngineSettings) -> EngineSpec[Any]:
    """Return the spec of the backend that a section of the settings names."""
    return specs()[kind, settings.engine]


def _plugged_in(entry: EntryPoint) -> EngineSpec[Any]:
    try:
        spec = entry.load()
    except Exception as error:  # a foreign package may raise anything when it is imported
        raise VoiceAgentError(
            f"The package {_package(entry)} adds an engine that cannot be imported ({entry.value}: "
            f"{type(error).__name__}: {error}): fix or uninstall it."
        ) from error
    if not isinstance(spec, EngineSpec) or spec.kind not in ENGINE_SECTIONS:
        raise VoiceAgentError(
            f"The package {_package(entry)} names {entry.value} as an engine, but that is no EngineSpec of a known "
            f"kind ({', '.join(ENGINE_SECTIONS)}): fix or uninstall it."
        )
    if not issubclass(spec.settings, ENGINE_SECTIONS[spec.kind]):
        raise VoiceAgentError(
            f"The package {_package(entry)} adds {spec.kind}.{spec.name}, whose settings are no "
            f"{ENGINE_SECTIONS[spec.kind].__name__}: fix or uninstall it."
        )
    return spec


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.name
