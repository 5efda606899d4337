"""From settings to a memory plan, before anything is loaded; and a refusal, with what would fit, where it does not.

The remedies are tried in the order of what people would miss least, each through the same plan; the first that fits is
named as options of the command line.
"""

import logging
from collections.abc import Iterator
from functools import reduce
from typing import Any

from voiceagent.app.settings import changed
from voiceagent.app.specs import chosen
from voiceagent.config.settings import Settings
from voiceagent.engines.machine import Gpu, free_main_memory
from voiceagent.engines.memory import GIB, MIB, MemoryUse, Place
from voiceagent.engines.spec import BuildContext
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.memory import Free, Plan
from voiceagent.weights import Store

log = logging.getLogger(__name__)

Change = dict[str, Any]
"""Settings by their dotted name."""

PROCESS = MemoryUse(engine="process", model="server", workspace=160 * MIB)
"""Python, the server and the runtimes' libraries. With cpu.yaml everything together was measured as 702 MiB."""


SHARED_SYSTEM = MemoryUse(engine="system", model="kept free", workspace=8 * GIB)
"""Where a GPU computes in main memory: its allocations do not wait until the system has dropped its cache, and fail
(NVIDIA's known issue of GB10)."""


def build_context(settings: Settings, *, has_gpu: bool, torch_bytes: int | None = None) -> BuildContext:
    """Return what the engines of these settings are built into."""
    server, language = settings.server, settings.session.language
    store = Store(settings.weights.dir)
    return BuildContext(store, server.max_sessions, has_gpu, torch_bytes, server.speech_streams, language)


def memory_plan(settings: Settings, free: Free) -> Plan:
    """Return the memory the settings will take. What is not known is named in the plan and counts as 0."""
    context = build_context(settings, has_gpu=free.gpu is not None or free.shared)
    needs, unknown = [PROCESS, *([SHARED_SYSTEM] if free.shared else [])], []
    for one in chosen(settings):
        try:
            needs += one.spec.memory(one.settings, context)
        except Exception as error:  # a malformed file: loading it gives the better error
            unknown.append(f"{one.kind}: not known ({error})")
    return Plan(tuple(needs), free, tuple(unknown))


def free_memory(gpus: tuple[Gpu, ...]) -> Free:
    """Return the free memory of this machine, which has these GPUs."""
    shared = any(gpu.shares_memory for gpu in gpus)
    own = [gpu.free for gpu in gpus if gpu.free is not None]
    return Free(free_main_memory(), sum(own) if own and not shared else None, shared)


def torch_limit(settings: Settings, free: Free) -> int | None:
    """Return the bytes of GPU memory that models in torch may take together: what is free, less what others will need
    of it. None where the free memory is unknown, or they are not on a GPU.
    """
    there = free.main if free.shared else free.gpu
    plan = memory_plan(settings, free)

    def torchs(need: MemoryUse) -> bool:
        return need.place is Place.GPU and need.in_torch

    if there is None or not any(map(torchs, plan.needs)):
        return None
    others = [need for need in plan.needs if not torchs(need) and (free.shared or need.place is Place.GPU)]
    return max(0, there - sum(need.total for need in others))


def require_room(settings: Settings, gpus: tuple[Gpu, ...]) -> None:
    """Log the plan. Raises VoiceAgentError, with the numbers and settings that would fit, when it does not fit."""
    plan = memory_plan(settings, free_memory(gpus))
    for line in plan.table().splitlines():
        log.info("%s", line)
    if not plan.fits:
        advice = remedy(settings, plan.free)
        raise VoiceAgentError(f"The models do not fit into the free memory. {advice}\n\n{plan.table()}")


def remedy(settings: Settings, free: Free) -> str:
    """Return a sentence with the mildest change of settings that makes the plan fit."""
    for change in _changes(settings, has_gpu=free.gpu is not None or free.shared):
        if memory_plan(with_change(settings, change), free).fits:
            return "This would fit: " + " ".join(f"--set {key}={value}" for key, value in change.items()) + "."
    return "No setting makes it fit: free some memory, or use another machine."


def with_change(settings: Settings, change: Change) -> Settings:
    """Return the settings with some of them changed."""

    def with_one(now: Settings, entry: tuple[str, Any]) -> Settings:
        section, _, name = entry[0].partition(".")
        return changed(now, section, {name: entry[1]})

    return reduce(with_one, change.items(), settings)


def _changes(settings: Settings, *, has_gpu: bool) -> Iterator[Change]:
    """Yield what could be changed: each alone, then more and more together, then other models."""
    context = build_context(settings, has_gpu=has_gpu)
    remedies = [
        (remedy.harm, {f"{one.kind}.{name}": value for name, value in remedy.change.items()})
        for one in chosen(settings)
        for remedy in one.spec.remedies(one.settings, context)
    ]
    mild, harsh = ([change for harm, change in remedies if harm == level] for level in (0, 1))
    alone: list[Change] = [{"server.speech_streams": 0}] if settings.server.speech_streams else []
    singles = [*mild, *alone, *_fewer_sessions(settings.server.max_sessions), *harsh]
    yield from singles
    together: Change = {}
    for change in singles:
        together = together | change
        yield together
    for harm, change in remedies:
        if harm > 1:
            yield change
            yield together | change


def _fewer_sessions(sessions: int) -> Iterator[Change]:
    while sessions > 1:
        sessions //= 2
        yield {"server.max_sessions": sessions}
