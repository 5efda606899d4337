"""The engines that the settings name, each with its spec; and which of them compute on a GPU."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from voiceagent.config.settings import ENGINE_SECTIONS, EngineSettings, Settings, TurnDetectorSettings
from voiceagent.engines.machine import Gpu, nvidia_gpus
from voiceagent.engines.registry import spec_of
from voiceagent.engines.spec import EngineSpec


@dataclass(frozen=True, slots=True)
class Chosen:
    """An engine that the settings name."""

    spec: EngineSpec[Any]
    settings: EngineSettings

    @property
    def kind(self) -> str:
        """Its kind, which is also its lane's name."""
        return self.spec.kind

    @property
    def device(self) -> str:
        """Where its steps compute."""
        return self.spec.device(self.settings)


SERVES = {"vad": frozenset({"asr"}), "turn": frozenset({"asr", "llm", "tts"})}
"""Engines that have nothing to do where one of others is left out: speech is detected for a recogniser, and the end of
a turn for a conversation."""


def chosen(settings: Settings) -> Iterator[Chosen]:
    """Yield the engines in the order of the sections, without those that would have nothing to do."""
    named = {section: getattr(settings, section) for section in ENGINE_SECTIONS}
    specs = {section: spec_of(section, of_section) for section, of_section in named.items()}
    left_out = {section for section, spec in specs.items() if spec.absent}
    for section, spec in specs.items():
        if not SERVES.get(section, frozenset()) & left_out:
            yield Chosen(spec, named[section])


def model_files(settings: Settings) -> tuple[str, ...]:
    """Return the models that the engines read, once each: names in the weights manifest, paths, org/name@revision."""
    return tuple(dict.fromkeys(name for one in chosen(settings) for name in one.spec.files(one.settings)))


def absent(settings: Settings) -> frozenset[str]:
    """Return the kinds of engines that are left out."""
    return frozenset(one.kind for one in chosen(settings) if one.spec.absent)


def lanes(settings: Settings) -> tuple[str, ...]:
    """Return the lanes: one for each engine; the turn engine `silence` needs none, nor does one that is left out."""
    silent = not isinstance(settings.turn, TurnDetectorSettings)
    return tuple(one.kind for one in chosen(settings) if not one.spec.absent and not (silent and one.kind == "turn"))


def remote_lanes(settings: Settings) -> frozenset[str]:
    """Return the lanes whose steps run on another machine."""
    return frozenset(one.kind for one in chosen(settings) if one.device == "remote")


def lanes_on_gpu(settings: Settings, *, has_gpu: bool) -> frozenset[str]:
    """Return the lanes that compute on a GPU, given whether the machine has one: some are set to use it regardless."""
    return frozenset(one.kind for one in chosen(settings) if one.device == "gpu" or (one.device == "auto" and has_gpu))


def wants_gpu(settings: Settings) -> bool:
    """Return whether any lane would compute on a GPU if there were one."""
    return bool(lanes_on_gpu(settings, has_gpu=True))


def gpus_for(settings: Settings) -> tuple[Gpu, ...]:
    """Return the GPUs that these settings would use, as they are now. Asks the driver, which takes a while."""
    return nvidia_gpus() if wants_gpu(settings) else ()
