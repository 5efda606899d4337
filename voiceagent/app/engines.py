"""From settings to engines: the one place that knows every backend by name."""

from typing import Any

from voiceagent.app.capacity.engine_needs import SILERO
from voiceagent.app.capacity.memory_plan import free_memory, torch_limit
from voiceagent.config.settings import Settings
from voiceagent.engines.asr.contract import AsrEngine
from voiceagent.engines.contract import Engine
from voiceagent.engines.llm.contract import LlmEngine
from voiceagent.engines.machine import Gpu
from voiceagent.engines.tts.contract import TtsEngine
from voiceagent.engines.turn.contract import TurnEngine
from voiceagent.engines.vad.contract import VadEngine
from voiceagent.errors import VoiceAgentError
from voiceagent.session.coordinator import Engines
from voiceagent.weights import Store

# Backends are imported inside the functions: each brings a runtime that the others do not need.


def build_engines(settings: Settings, gpus: tuple[Gpu, ...]) -> Engines:
    """Build every engine the settings name; none is loaded yet. Raises VoiceAgentError for missing model files.

    `gpus` are those that the settings would use: what is free there now, models in NeMo's modules will share.
    """
    store = Store(settings.weights.dir)
    return Engines(
        build_asr(settings, store, gpus),
        build_llm(settings, store),
        build_tts(settings, store, gpus),
        build_vad(settings, store),
        build_turn(settings, store),
    )


def lanes_of(engines: Engines) -> dict[str, Engine]:
    """Return the engines by the name of their lane."""
    named = (engines.asr, engines.llm, engines.tts, engines.vad, engines.turn)
    return {engine.lane: engine for engine in named if engine is not None}


DEFAULT_VOICE = "default"
"""What tts.voice says where each engine may take its own."""


def build_asr(settings: Settings, store: Store, gpus: tuple[Gpu, ...]) -> AsrEngine:
    """Build the recogniser."""
    asr = settings.asr
    if asr.engine == "scripted":
        from voiceagent.engines.asr.scripted import ScriptedAsr

        return ScriptedAsr()
    if asr.engine == "nemotron":
        return build_nemotron(settings, store, gpus)
    from voiceagent.engines.asr.moonshine import MoonshineEngine

    return MoonshineEngine(
        encoder=store.path(asr.model, "encoder_model.ort"),
        decoder=store.path(asr.model, "decoder_model_merged.ort"),
        tokenizer=store.path(asr.model, "tokenizer.bin"),
        threads=asr.threads,
        partial_interval_s=asr.partial_interval_ms / 1000 if asr.partials else None,
    )


def build_nemotron(settings: Settings, store: Store, gpus: tuple[Gpu, ...]) -> AsrEngine:
    """Build the recogniser that runs in NeMo's modules. Raises VoiceAgentError where NeMo is not installed."""
    from voiceagent.engines.nemo.runtime import pick_device, pick_dtype, require_nemo

    require_nemo()
    from voiceagent.engines.asr.nemotron import NemotronEngine
    from voiceagent.engines.nemo.checkpoint import load_asr
    from voiceagent.engines.nemo.memory import limit_torch

    asr, limit = settings.asr, _torch_limit(settings, store, gpus)

    def load_model() -> Any:
        device = pick_device(asr.device)
        limit_torch(limit, device)
        return load_asr(
            asr.model,
            store=store,
            device=device,
            dtype=pick_dtype(asr.dtype, device),
            language=asr.language,
            threads=asr.threads,
        )

    return NemotronEngine(
        load_model,
        right_context=asr.right_context,
        max_streams=settings.server.max_sessions,
        tail_ms=asr.tail_ms,
        partial_interval_s=asr.partial_interval_ms / 1000 if asr.partials else None,
    )


def build_llm(settings: Settings, store: Store) -> LlmEngine:
    """Build the language model."""
    llm = settings.llm
    if llm.engine == "scripted":
        from voiceagent.engines.llm.scripted import ScriptedLlm

        return ScriptedLlm()
    if llm.engine == "openai":
        return build_openai(settings)
    from voiceagent.app.gguf import COPIES, gguf_path, read_grammar
    from voiceagent.engines.llm.llama import LlamaEngine, Sampling

    return LlamaEngine(
        gguf_path(llm, store),
        threads=llm.threads,
        context_tokens=llm.context_tokens,
        session_tokens=llm.session_tokens,
        max_streams=settings.server.max_sessions,
        max_tokens=llm.max_tokens,
        prefill_tokens=llm.prefill_tokens,
        streams_per_step=llm.streams_per_step or None,
        gpu_layers=llm.gpu_layers,
        flash_attention=llm.flash_attention,
        kv_type=llm.kv_type,
        stops=llm.stop,
        copies=store.root / COPIES,
        sampling=Sampling(
            temperature=llm.temperature,
            top_p=llm.top_p,
            top_k=llm.top_k,
            min_p=llm.min_p,
            repeat_penalty=llm.repeat_penalty,
            seed=llm.seed,
            grammar=read_grammar(llm.grammar) if llm.grammar else "",
        ),
    )


def build_openai(settings: Settings) -> LlmEngine:
    """Build the client of a remote language model."""
    try:
        from voiceagent.engines.llm.openai import OpenAiEngine
    except ImportError as error:
        raise VoiceAgentError(
            f"llm.engine=openai needs a package that is not installed ({error.name}): pip install 'voiceagent[openai]'."
        ) from error
    llm = settings.llm
    return OpenAiEngine(
        llm.base_url,
        llm.model,
        key_variable=llm.api_key_env,
        timeout_s=llm.timeout_s,
        retries=llm.retries,
        sampling={"temperature": llm.temperature, "top_p": llm.top_p, "max_tokens": llm.max_tokens, "seed": llm.seed},
        template_arguments=llm.chat_template_kwargs,
    )


def build_tts(settings: Settings, store: Store, gpus: tuple[Gpu, ...]) -> TtsEngine:
    """Build the voice."""
    tts = settings.tts
    if tts.engine == "scripted":
        from voiceagent.engines.tts.scripted import ScriptedTts

        return ScriptedTts()
    if tts.engine == "magpie":
        return build_magpie(settings, store, gpus)
    from voiceagent.engines.tts.hibari import HibariEngine

    return HibariEngine(
        voice="heart" if tts.voice == DEFAULT_VOICE else tts.voice, speed=tts.speed, threads=tts.threads
    )


def build_magpie(settings: Settings, store: Store, gpus: tuple[Gpu, ...]) -> TtsEngine:
    """Build the voice that runs in NeMo's modules. Raises VoiceAgentError where NeMo is not installed."""
    from voiceagent.engines.nemo.runtime import require_nemo

    require_nemo()
    tts, limit = settings.tts, _torch_limit(settings, store, gpus)

    def load_model() -> Any:
        from voiceagent.engines.nemo.magpie_checkpoint import load_magpie
        from voiceagent.engines.nemo.memory import limit_torch
        from voiceagent.engines.nemo.runtime import pick_device, pick_dtype

        device = pick_device(tts.device)
        limit_torch(limit, device)
        return load_magpie(
            tts.model,
            codec=tts.codec,
            store=store,
            device=device,
            dtype=pick_dtype(tts.dtype, device),
            streams=settings.server.max_sessions,
            threads=tts.threads,
        )

    from voiceagent.engines.tts.magpie.engine import MagpieEngine

    return MagpieEngine(
        load_model,
        voice=None if tts.voice == DEFAULT_VOICE else tts.voice,
        language=tts.language,
        preset=tts.preset,
        guidance=tts.guidance,
        temperature=tts.temperature,
        normalize=tts.normalize,
        seed=tts.seed,
        max_streams=settings.server.max_sessions,
    )


def _torch_limit(settings: Settings, store: Store, gpus: tuple[Gpu, ...]) -> int | None:
    """Reckon torch's share of the GPU while nothing is loaded: engines load side by side."""
    return torch_limit(settings, store, free_memory(gpus)) if gpus else None


def build_vad(settings: Settings, store: Store) -> VadEngine:
    """Build the voice activity detector."""
    if settings.vad.engine == "scripted":
        from voiceagent.engines.vad.scripted import ScriptedVad

        return ScriptedVad()
    from voiceagent.engines.vad.silero import SileroEngine

    return SileroEngine(store.path(SILERO, "silero_vad.onnx"), threads=settings.vad.threads)


def build_turn(settings: Settings, store: Store) -> TurnEngine | None:
    """Build the turn detector; None where silence alone ends a turn."""
    turn = settings.turn
    if turn.detector == "silence":
        return None
    from voiceagent.engines.turn.smart_turn import SmartTurnEngine

    return SmartTurnEngine(store.path(turn.model, "smart-turn-v3.2-cpu.onnx"), threads=turn.threads)
