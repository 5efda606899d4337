"""The doctor's checks of this machine's own microphone and loudspeaker, for `voiceagent talk`."""

from collections.abc import Iterator
from importlib.util import find_spec

from voiceagent.engines.finding import Finding, ok, problem, skipped, warning
from voiceagent.local.portaudio import Choice, DeviceError, find

TALK = "voiceagent talk"


def check_sound(*, sweep: bool) -> Iterator[Finding]:
    """Whether there are devices; with `sweep`, one is played, and the echo is measured."""
    if find_spec("sounddevice") is None or find_spec("pywebrtc_audio") is None:
        yield skipped("sound", f"{TALK} needs an extra: pip install 'voiceagent[local]'")
        return
    try:
        microphone, loudspeaker = find(Choice(), "input"), find(Choice(), "output")
    except DeviceError as error:
        yield skipped("sound", f"{TALK} cannot be used here: {error}")
        return
    yield ok("sound", f"{microphone.name} and {loudspeaker.name}, for {TALK}")
    if not sweep:
        yield skipped("echo", "voiceagent doctor --sound plays a short sweep and measures it")
        return
    yield from _check_echo()


def _check_echo() -> Iterator[Finding]:
    from voiceagent.local.device import Device
    from voiceagent.local.sweep import measure

    try:
        device, path = measure(Device, Choice())
    except DeviceError as error:
        yield problem("echo", str(error), f"choose other devices: {TALK} --list-devices")
        return
    room = f"{device.rate} Hz; the room is at {path.noise_db:.0f} dBFS"
    if path.delay_s is None or path.loss_db is None:
        yield warning(
            "echo",
            f"nothing of the loudspeaker reaches the microphone ({room})",
            "fine with headphones; otherwise turn up the loudspeaker, and see that the microphone is on",
        )
        return
    text = f"back after {1000 * path.delay_s:.0f} ms, {path.loss_db:.0f} dB quieter ({room}): "
    if path.interruptible:
        yield ok("echo", text + "the agent can be interrupted without a headset")
    else:
        yield warning("echo", text + "the agent will be hard to interrupt", "turn it down, or use headphones")
