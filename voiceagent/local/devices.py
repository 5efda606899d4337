"""The devices of this machine: opened by choice, looked for again, and watched."""

from collections.abc import AsyncGenerator
from typing import Protocol

from voiceagent.local import portaudio
from voiceagent.local.device import Device, Gone, Heard, Play, Sound
from voiceagent.local.portaudio import Choice
from voiceagent.local.pulse_changes import changes


class Devices(Protocol):
    """What there is. All but `changes` may take half a second: call them in a thread."""

    def open(self, choice: Choice, play: Play, heard: Heard, gone: Gone) -> Sound:
        """Open what is chosen. Raises DeviceError."""

    def names(self, choice: Choice) -> tuple[str, str]:
        """Return what microphone and loudspeaker are called that `open` would open now. Raises DeviceError."""

    def refresh(self) -> None:
        """Look again for what is plugged in; nothing may be open."""

    def changes(self) -> AsyncGenerator[None]:
        """Yield whenever something may have been plugged in, pulled out or made the default; it may end at once."""


class SystemDevices:
    """Those of the system."""

    def open(self, choice: Choice, play: Play, heard: Heard, gone: Gone) -> Sound:
        """Open what is chosen. Raises DeviceError."""
        return Device(choice, play, heard, gone)

    def names(self, choice: Choice) -> tuple[str, str]:
        """Return what microphone and loudspeaker are called that `open` would open now. Raises DeviceError."""
        return portaudio.find(choice, "input").name, portaudio.find(choice, "output").name

    def refresh(self) -> None:
        """Look again for what is plugged in; nothing may be open."""
        portaudio.refresh()

    def changes(self) -> AsyncGenerator[None]:
        """Yield whenever the sound server tells of a change; without one, a device that goes ends its stream."""
        return changes()
