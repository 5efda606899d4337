"""From settings to engines: each section's spec builds its engine. Knows no backend."""

from collections.abc import Mapping
from typing import Any

from voiceagent.app.capacity.memory_plan import build_context, free_memory, torch_limit
from voiceagent.app.specs import chosen
from voiceagent.config.settings import Settings
from voiceagent.engines.contract import Engine
from voiceagent.engines.machine import Gpu
from voiceagent.session.engines import Engines


def build_engines(settings: Settings, gpus: tuple[Gpu, ...]) -> Engines:
    """Build every engine the settings name; none is loaded yet. Raises VoiceAgentError for missing model files.

    `gpus` are those that the settings would use: models that run in torch share what is free there now.
    """
    limit = torch_limit(settings, free_memory(gpus)) if gpus else None
    context = build_context(settings, has_gpu=bool(gpus), torch_bytes=limit)
    return Engines(**{one.kind: one.spec.build(one.settings, context) for one in chosen(settings)})


def build_engine(kind: str, settings: Settings, gpus: tuple[Gpu, ...]) -> Any:
    """Build one engine by itself."""
    context = build_context(settings, has_gpu=bool(gpus))
    return next(one.spec.build(one.settings, context) for one in chosen(settings) if one.kind == kind)


def lanes_of(engines: Engines) -> dict[str, Engine]:
    """Return the engines by the name of their lane."""
    named = (engines.asr, engines.llm, engines.tts, engines.vad, engines.turn)
    return {engine.lane: engine for engine in named if engine is not None}


def model_names(settings: Settings) -> Mapping[str, str]:
    """Return the models' names, as shown to users."""
    return {one.kind: one.spec.model(one.settings) for one in chosen(settings) if one.kind in ("asr", "llm", "tts")}
