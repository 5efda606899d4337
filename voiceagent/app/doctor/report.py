"""Is this machine ready for these settings? Every check runs without loading a model or importing a runtime.

A check that itself breaks on an unusual machine becomes a warning, and the others go on. What cannot be checked here
is reported as skipped, never as ok.
"""

from collections.abc import Iterable, Iterator

from voiceagent.app.calibration.lookup import NONE, device_name, find
from voiceagent.app.capacity.memory_plan import build_context, free_memory, memory_plan, remedy
from voiceagent.app.doctor.better_model import better_model
from voiceagent.app.doctor.machine import (
    check_access,
    check_gpus,
    check_microphone,
    check_packages,
    check_port,
    check_processor,
    check_python,
    check_recording,
    check_tls,
)
from voiceagent.app.doctor.models import check_models
from voiceagent.app.doctor.sound import check_sound
from voiceagent.app.specs import chosen, wants_gpu
from voiceagent.config.settings import Settings
from voiceagent.engines.finding import Finding, ok, problem, warning
from voiceagent.engines.machine import Gpu, cores, nvidia_gpus
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.memory import Plan
from voiceagent.weights import Store

CALIBRATE = "run `voiceagent calibrate` with these settings, while nothing else runs"


def checkup(settings: Settings, *, sweep: bool = False) -> tuple[list[Finding], Plan]:
    """Run every check; return the findings, and the memory plan that is part of them. `sweep` makes a sound."""
    store, gpus = Store(settings.weights.dir), nvidia_gpus()
    plan = memory_plan(settings, free_memory(gpus))
    context = build_context(settings, has_gpu=bool(gpus))
    checks = {
        "python": check_python(),
        "packages": check_packages(settings),
        "processor": check_processor(settings),
        "gpu": check_gpus(settings, gpus),
        "memory": _check_memory(plan, settings),
        "models": check_models(settings, store),
        "calibration": _check_calibration(settings, gpus if wants_gpu(settings) else ()),
        **{one.kind: one.spec.findings(one.settings, context) for one in chosen(settings)},
        "better llm": better_model(settings, cores(), plan.free),
        "port": check_port(settings),
        "recording": check_recording(settings),
        "access": check_access(settings),
        "tls": check_tls(settings),
        "network": _check_network(settings),
        "microphone": check_microphone(settings),
        "sound": check_sound(sweep=sweep),
    }
    return [finding for name, findings in checks.items() for finding in _guarded(name, findings)], plan


def _guarded(name: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    try:
        yield from findings
    except Exception as error:  # an unusual machine: one failed check says nothing about the others
        yield warning(name, f"could not be checked ({type(error).__name__}: {error})")


def _check_calibration(settings: Settings, gpus: tuple[Gpu, ...]) -> Iterator[Finding]:
    try:
        found = find(settings, device_name(gpus))
    except VoiceAgentError as error:
        yield problem("calibration", str(error), CALIBRATE)
        return
    if found.calibration or settings.scheduler.calibration == NONE:
        yield ok("calibration", found.text)
    else:
        yield warning("calibration", found.text, CALIBRATE)


def _check_network(settings: Settings) -> Iterator[Finding]:
    """The way to callers, if the settings say anything of it: to try it takes asyncio, which nothing else here does."""
    server = settings.server
    if server.ice_servers or server.turn.urls or server.addresses or server.public_address or server.udp_ports:
        from voiceagent.app.doctor.network import check_addresses, check_ice_servers

        yield from check_addresses(settings)
        yield from check_ice_servers(settings)


def _check_memory(plan: Plan, settings: Settings) -> Iterator[Finding]:
    for account in plan.accounts:
        if account.short:
            yield problem("memory", str(account), remedy(settings, plan.free))
        elif account.free is None:
            yield warning("memory", str(account))
        else:
            yield ok("memory", str(account))
    for sentence in plan.unknown:
        yield warning("memory", sentence)
