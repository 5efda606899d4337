"""From settings to engines: each section's spec builds its engine. Knows no backend."""

from collections.abc import Iterable, Mapping
from typing import Any

from voiceagent.app.capacity.memory_plan import build_context, free_memory, torch_limit
from voiceagent.app.specs import Chosen, chosen
from voiceagent.config.settings import ENGINE_SECTIONS, Settings
from voiceagent.engines.contract import Engine
from voiceagent.engines.machine import Gpu
from voiceagent.session.engines import Engines


def build_engines(settings: Settings, gpus: tuple[Gpu, ...]) -> Engines:
    """Build every engine the settings name; none is loaded yet. Raises VoiceAgentError for missing model files.

    `gpus` are those that the settings would use: models that run in torch share what is free there now.
    """
    limit = torch_limit(settings, free_memory(gpus)) if gpus else None
    context = build_context(settings, has_gpu=bool(gpus), torch_bytes=limit)
    built = {one.kind: one.spec.build(one.settings, context) for one in _torch_first(chosen(settings))}
    return Engines(**{**dict.fromkeys(ENGINE_SECTIONS), **built})


def build_engine(kind: str, settings: Settings, gpus: tuple[Gpu, ...]) -> Any:
    """Build one engine by itself."""
    context = build_context(settings, has_gpu=bool(gpus))
    return next(one.spec.build(one.settings, context) for one in chosen(settings) if one.kind == kind)


def _torch_first(engines: Iterable[Chosen]) -> list[Chosen]:
    """Return what computes in torch before the rest: of two libraries that bring the same CUDA libraries, in different
    releases, the one that is imported first decides, and torch does not run with older ones than its own.
    """
    return sorted(engines, key=lambda one: "torch" not in one.spec.packages)


def lanes_of(engines: Engines) -> dict[str, Engine]:
    """Return the engines by the name of their lane."""
    named = (engines.asr, engines.llm, engines.tts, engines.vad, engines.turn)
    return {engine.lane: engine for engine in named if engine is not None}


def model_names(settings: Settings) -> Mapping[str, str]:
    """Return the models' names, as shown to users; those that are left out have none."""
    named = (one for one in chosen(settings) if one.kind in ("asr", "llm", "tts") and not one.spec.absent)
    return {one.kind: one.spec.model(one.settings) for one in named}
