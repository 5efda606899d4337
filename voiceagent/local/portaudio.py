"""PortAudio by way of `sounddevice`: imported when it is needed, without its chatter, and asked what devices there
are.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from voiceagent.errors import VoiceAgentError
from voiceagent.local import pulse

Kind = Literal["input", "output"]
NAMES: dict[Kind, str] = {"input": "microphone", "output": "loudspeaker"}


class DeviceError(VoiceAgentError):
    """There is no such device, or it cannot be opened; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which devices, by name or number; None is the system's default, also when another becomes that."""

    input: str | None = None
    output: str | None = None

    def of(self, kind: Kind) -> str | None:
        """Return the one of a kind."""
        return self.input if kind == "input" else self.output


@dataclass(frozen=True, slots=True)
class Found:
    """A device that is there."""

    number: int
    """Its number in PortAudio."""
    name: str
    channels: int
    pulse: str | None = None
    """Its name in PulseAudio, where PortAudio reaches it through that."""


def sounddevice() -> Any:
    """Return the module. Raises DeviceError where it or PortAudio is not installed."""
    try:
        with without_chatter():
            import sounddevice
    except ImportError as error:
        raise DeviceError("Microphone and loudspeaker need an extra: pip install 'voiceagent[local]'.") from error
    except OSError as error:
        raise DeviceError(
            "PortAudio is not installed: sudo apt install libportaudio2 libasound2-plugins (Debian, Ubuntu)."
        ) from error
    return sounddevice


def refresh() -> None:
    """Look again for what is plugged in; no stream may be open."""
    audio = sounddevice()
    with without_chatter():
        audio._terminate()
        audio._initialize()


def find(choice: Choice, kind: Kind) -> Found:
    """Return the device that is chosen, or the default one. Raises DeviceError, listing what there is."""
    wanted = choice.of(kind)
    audio = sounddevice()
    devices = list(audio.query_devices())
    if (server := _pulse_number(devices)) is not None and (there := pulse.devices(kind)) is not None:
        chosen = pulse.choose(there, wanted)
        if chosen is not None:
            return Found(server, chosen.description, int(devices[server][f"max_{kind}_channels"]), chosen.name)
        if wanted is None:
            _refuse_default(kind)
    usable = {int(device["index"]): device for device in devices if device[f"max_{kind}_channels"] > 0}
    if wanted is None:
        number = int(audio.default.device[kind])
        if number not in usable:
            _refuse_default(kind)
    else:
        number = _named(usable, wanted, kind)
    return Found(number, usable[number]["name"], int(usable[number][f"max_{kind}_channels"]))


def listing() -> Iterator[tuple[Kind, str, str, bool]]:
    """Yield what can be chosen: its kind, the number or name to choose it by, what it is, and whether it is the
    default.
    """
    audio = sounddevice()
    devices = list(audio.query_devices())
    for kind in NAMES:
        through = pulse.devices(kind) if _pulse_number(devices) is not None else None
        if through is not None:
            for one in through:
                if one.usable:
                    yield kind, one.name, one.description, one.default
            continue
        for device in devices:
            if device[f"max_{kind}_channels"] > 0:
                yield kind, str(device["index"]), device["name"], device["index"] == audio.default.device[kind]


def _pulse_number(devices: list[Any]) -> int | None:
    return next((int(device["index"]) for device in devices if device["name"] == "pulse"), None)


def _named(usable: dict[int, Any], wanted: str, kind: Kind) -> int:
    """Return the number of the one device that is meant: its number, its name, or a part of that."""
    if wanted.isdigit() and int(wanted) in usable:
        return int(wanted)
    same = [number for number, device in usable.items() if device["name"].lower() == wanted.lower()]
    alike = same or [number for number, device in usable.items() if wanted.lower() in device["name"].lower()]
    if len(alike) != 1:
        what = "several are called so" if alike else "there is none"
        names = [repr(name) for of, name, _, _ in listing() if of == kind]
        shown = f"choose one of {', '.join(names)}" if names else "none is plugged in"
        raise DeviceError(f"No {NAMES[kind]} {wanted!r}: {what}; {shown} (voiceagent talk --list-devices).")
    return alike[0]


def _refuse_default(kind: Kind) -> NoReturn:
    raise DeviceError(
        f"There is no {NAMES[kind]} on this machine. Plug one in; on Linux a sound server must run too (PulseAudio or"
        " PipeWire), with the package libasound2-plugins. Or talk from a browser: voiceagent serve."
    )


@contextmanager
def without_chatter() -> Iterator[None]:
    """Keep the lines that ALSA's library writes past Python to the standard error."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
