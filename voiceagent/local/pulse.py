"""What PulseAudio (or PipeWire in its place) has plugged in: PortAudio reaches it as one device, "pulse", whatever
there is.

When a device is unplugged the sound server moves the stream to another without a word, at worst the microphone to what
the loudspeaker says. So its list is read here, by its own program `pactl`, and followed.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

ANSWERS_S = 5.0
DUMMIES = ("auto_null", "auto_null.monitor")
"""What the sound server makes up where nothing is plugged in."""
VARIABLES = {"input": "PULSE_SOURCE", "output": "PULSE_SINK"}
_LISTS = {"input": "sources", "output": "sinks"}
_DEFAULTS = {"input": "default_source_name", "output": "default_sink_name"}


@dataclass(frozen=True, slots=True)
class PulseDevice:
    """A source or a sink."""

    number: int
    name: str
    description: str
    default: bool
    usable: bool
    """It is plugged in, and no loudspeaker's monitor."""


def devices(kind: Literal["input", "output"]) -> list[PulseDevice] | None:
    """Return the sources or sinks; None where there is no such sound server, or no `pactl`."""
    listed, info = _ask("list", _LISTS[kind]), _ask("info")
    if not isinstance(listed, list) or not isinstance(info, dict):
        return None
    default = info.get(_DEFAULTS[kind])
    return [
        PulseDevice(
            one["index"],
            one["name"],
            one["description"],
            one["name"] == default,
            one["name"] not in DUMMIES and not (kind == "input" and one["monitor_source"]),
        )
        for one in listed
    ]


def choose(there: Iterable[PulseDevice], wanted: str | None) -> PulseDevice | None:
    """Return the one that is meant by number, name or a part of its description; None is the default.

    None where that is none, or not one.
    """
    there = list(there)
    if wanted is None:
        return next((one for one in there if one.default and one.usable), None)
    for named in (
        [one for one in there if wanted in (one.name, one.description, str(one.number))],
        [one for one in there if one.usable and wanted.lower() in f"{one.name} {one.description}".lower()],
    ):
        if len(named) == 1:
            return named[0]
    return None


def prefer(kind: Literal["input", "output"], name: str | None) -> None:
    """Have the next stream of this process go to a device; None: to the default one, wherever that moves."""
    if name is None:
        os.environ.pop(VARIABLES[kind], None)
    else:
        os.environ[VARIABLES[kind]] = name


def _ask(*words: str) -> object:
    if (pactl := shutil.which("pactl")) is None:
        return None
    try:
        answer = subprocess.run(
            [pactl, "--format=json", *words], capture_output=True, timeout=ANSWERS_S, env=environment(), check=True
        )
        return json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def environment() -> dict[str, str]:
    """Return the environment in which `pactl` speaks English."""
    return {**os.environ, "LC_ALL": "C"}
