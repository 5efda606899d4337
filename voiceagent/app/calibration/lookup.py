"""Which calibration applies to these settings on this device, or why none does.

Imports no runtime of a model: the doctor asks too.
"""

import logging
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from voiceagent.app.calibration.files import file_name, folders, load
from voiceagent.app.calibration.form import Calibration, Setting
from voiceagent.app.specs import chosen
from voiceagent.config.settings import Settings
from voiceagent.engines.machine import Gpu, cores, processor
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.costs import CostModel

log = logging.getLogger(__name__)

AUTO, NONE = "auto", "none"

Sections = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Lookup:
    """What was found, and a sentence about it."""

    calibration: Calibration | None
    text: str


def costs_for(settings: Settings, device: str) -> CostModel:
    """Return a cost model that begins with the device's calibration of these settings, if there is one; log which.

    Raises VoiceAgentError for a file that is broken, or named in the settings but not usable with them.
    """
    found = find(settings, device)
    log.info("step times: %s", found.text)
    return CostModel() if found.calibration is None else found.calibration.cost_model()


def find(settings: Settings, device: str) -> Lookup:
    """Look for the device's calibration of these settings. Raises what `costs_for` does."""
    chosen = settings.scheduler.calibration
    if chosen == NONE:
        return Lookup(None, "learned from the conversations themselves (scheduler.calibration is none)")
    if chosen != AUTO:
        named = _look_into(Path(chosen).expanduser(), device, settings)
        if named.calibration is None:
            raise VoiceAgentError(f"{named.text}; run `voiceagent calibrate`, or set scheduler.calibration to auto.")
        return named
    places = (folder / file_name(device) for folder in folders())
    looked = [_look_into(path, device, settings) for path in places if path.is_file()]
    nothing = Lookup(None, f"this device ({device}) has no calibration")
    return next((found for found in looked if found.calibration), (looked or [nothing])[0])


def device_name(gpus: tuple[Gpu, ...]) -> str:
    """Return what the models run on: the first of the GPUs that they use, or the processor."""
    return gpus[0].name if gpus else f"{processor()}, {cores()} cores"


def decisive(settings: Settings) -> dict[str, dict[str, Setting]]:
    """Return the settings that decide what steps cost."""
    return {
        one.kind: {key: getattr(one.settings, key) for key in ("engine", *one.spec.cost_settings)}
        for one in chosen(settings)
    }


def versions(settings: Settings) -> dict[str, str]:
    """Return the versions of what these settings compute with."""
    names = {name for one in chosen(settings) if one.device != "remote" for name in one.spec.packages}
    return {name: _version(name) for name in ("voiceagent", *sorted(names))}


def machine() -> dict[str, str | int]:
    """Return what else decides what steps cost, for people."""
    return {
        "processor": processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _look_into(path: Path, device: str, settings: Settings) -> Lookup:
    there = load(path)
    if there.device != device:
        return Lookup(None, f"{path} is about another device, {there.device}")
    here = decisive(settings)
    closest = min(there.calibrations, key=lambda one: len(_differences(one.settings, here)), default=None)
    if closest is None:
        return Lookup(None, f"{path} is empty")
    if others := _differences(closest.settings, here) or _differences(
        {"version": closest.versions}, {"version": versions(settings)}
    ):
        return Lookup(None, f"{path} was measured with {', '.join(others)}")
    return Lookup(closest, f"{path}, measured on {closest.measured_on}")


def _differences(there: Sections, here: Sections) -> list[str]:
    flat = {f"{section}.{key}": value for section, keys in there.items() for key, value in keys.items()}
    wanted = {f"{section}.{key}": value for section, keys in here.items() for key, value in keys.items()}
    return [f"{key}={flat.get(key)}" for key in wanted | flat if flat.get(key) != wanted.get(key)]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
