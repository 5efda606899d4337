"""From settings to a memory plan, before anything is loaded; and a refusal, with what would fit, where it does not.

The remedies are tried in the order of what people would miss least, each through the same reckoning; the first that
fits is named as options of the command line.
"""

import logging
from collections.abc import Callable, Iterator
from functools import reduce

from voiceagent.app.capacity.engine_needs import PROCESS, asr_needs, llm_needs, tts_needs, turn_needs, vad_needs
from voiceagent.config.settings import Settings
from voiceagent.engines.machine import Gpu, free_main_memory
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.memory import Free, MemoryUse, Place, Plan
from voiceagent.weights import Store

log = logging.getLogger(__name__)

Change = dict[str, str | int]
"""Settings by their dotted name."""


def memory_plan(settings: Settings, store: Store, free: Free) -> Plan:
    """Reckon what the settings will take. What cannot be reckoned is named in the plan and counts nothing."""
    has_gpu = free.gpu is not None or free.shared
    engines: dict[str, Callable[[], tuple[MemoryUse, ...]]] = {
        "asr": lambda: asr_needs(settings, store, has_gpu),
        "llm": lambda: llm_needs(settings, store),
        "tts": lambda: tts_needs(settings, store, has_gpu),
        "vad": lambda: vad_needs(settings, store),
        "turn": lambda: turn_needs(settings, store),
    }
    needs, unknown = [PROCESS], []
    for engine, reckon in engines.items():
        try:
            needs += reckon()
        except Exception as error:  # whatever a strange file does to the reckoning, loading it will say it better
            unknown.append(f"{engine}: not reckoned ({error})")
    return Plan(tuple(needs), free, tuple(unknown))


def free_memory(gpus: tuple[Gpu, ...]) -> Free:
    """Return what is free on this machine, which has these GPUs."""
    shared = any(gpu.shares_memory for gpu in gpus)
    own = [gpu.free for gpu in gpus if gpu.free is not None]
    return Free(free_main_memory(), sum(own) if own and not shared else None, shared)


def torch_limit(settings: Settings, store: Store, free: Free) -> int | None:
    """Return the bytes of GPU memory that models in NeMo's modules may take together: what is free, less what others
    will need of it. None where nobody tells what is free, or they are not on a GPU.
    """
    there = free.main if free.shared else free.gpu
    plan = memory_plan(settings, store, free)

    def torchs(need: MemoryUse) -> bool:
        engine = {"asr": settings.asr.engine == "nemotron", "tts": settings.tts.engine == "magpie"}
        return need.place is Place.GPU and engine.get(need.engine, False)

    if there is None or not any(map(torchs, plan.needs)):
        return None
    others = [need for need in plan.needs if not torchs(need) and (free.shared or need.place is Place.GPU)]
    return max(0, there - sum(need.total for need in others))


def require_room(settings: Settings, gpus: tuple[Gpu, ...]) -> None:
    """Log the plan. Raises VoiceAgentError, with the numbers and settings that would fit, when it does not fit."""
    store = Store(settings.weights.dir)
    plan = memory_plan(settings, store, free_memory(gpus))
    for line in plan.table().splitlines():
        log.info("%s", line)
    if not plan.fits:
        advice = remedy(settings, store, plan.free)
        raise VoiceAgentError(f"The models do not fit into the memory that is free. {advice}\n\n{plan.table()}")


def remedy(settings: Settings, store: Store, free: Free) -> str:
    """Return a sentence with the mildest change of the settings that makes the plan fit."""
    for change in _changes(settings, store):
        if memory_plan(changed(settings, change), store, free).fits:
            return "This would fit: " + " ".join(f"--set {key}={value}" for key, value in change.items()) + "."
    return "No setting makes it fit: free some memory, or take another machine."


def changed(settings: Settings, change: Change) -> Settings:
    """Return the settings with some of them changed."""

    def with_one(now: Settings, entry: tuple[str, str | int]) -> Settings:
        section, _, name = entry[0].partition(".")
        return now.model_copy(update={section: getattr(now, section).model_copy(update={name: entry[1]})})

    return reduce(with_one, change.items(), settings)


def _changes(settings: Settings, store: Store) -> Iterator[Change]:
    """Yield what could be changed: each alone, then more and more together, then smaller language models."""
    singles = list(_singles(settings))
    yield from singles
    together: Change = {}
    for change in singles:
        together = together | change
        yield together
    if settings.llm.engine == "llama":
        models = [model for model in store.manifest.models.values() if model.role == "llm"]
        smaller = sorted(models, key=lambda model: model.size, reverse=True)
        for model in smaller:
            yield {"llm.model": model.name}
            yield together | {"llm.model": model.name}


def _singles(settings: Settings) -> Iterator[Change]:
    llm, sessions = settings.llm, settings.server.max_sessions
    if llm.engine == "llama":
        if llm.kv_type == "f16" and llm.flash_attention is not False:
            yield {"llm.kv_type": "q8_0"}
        if llm.context_tokens is None:
            if (half := llm.session_tokens // 2) >= 2 * llm.max_tokens:  # a prompt wants room as well
                yield {"llm.session_tokens": half}
        elif llm.session_tokens < llm.context_tokens:
            yield {"llm.context_tokens": max(llm.session_tokens, llm.context_tokens // 2)}
    while sessions > 1:
        sessions //= 2
        yield {"server.max_sessions": sessions}
    if settings.asr.engine == "nemotron" and settings.asr.device != "cpu":
        yield {"asr.device": "cpu"}
    if settings.tts.engine == "magpie":
        yield {"tts.engine": "hibari"}
    if llm.engine == "llama" and llm.gpu_layers:
        for layers in LAYERS:
            if llm.gpu_layers < 0 or layers < llm.gpu_layers:
                yield {"llm.gpu_layers": layers}


LAYERS = (64, 48, 40, 32, 24, 16, 8, 0)
"""Numbers of layers on the GPU worth trying; each that stays off it makes every token slower."""
