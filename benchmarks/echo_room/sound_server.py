"""A private PulseAudio without a sound card, from `with` to its end: the devices of the echo room.

`speaker` is what the agent plays, `microphone` what the room program writes to `air`. No module-loopback is the room:
it bends its rate to hold its latency (3,900 ppm seen), which no room does.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from voiceagent.errors import VoiceAgentError

READY_S = 10.0
MODULES = (
    "module-null-sink sink_name=speaker rate=48000 channels={channels} sink_properties=device.description=Loudspeaker",
    "module-null-sink sink_name=air rate=48000 channels=1 sink_properties=device.description=Air",
    "module-remap-source source_name=microphone master=air.monitor channels=1"
    " source_properties=device.description=Microphone",
)
PACKAGES = "pulseaudio pulseaudio-utils libportaudio2 libasound2-plugins"


class SoundServerError(VoiceAgentError):
    """There is no PulseAudio, or it does not start."""


@dataclass(frozen=True, slots=True)
class SoundServer:
    """A running one."""

    environment: Mapping[str, str]
    """What its clients need."""
    process: subprocess.Popen[bytes]

    def control(self, *words: str) -> str:
        """Run `pactl`; return what it says."""
        done = subprocess.run(
            ["pactl", *words], env={**os.environ, **self.environment}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()


@contextmanager
def sound_server(channels: int = 1, modules: tuple[str, ...] = MODULES) -> Iterator[SoundServer]:
    """Run one. Raises SoundServerError."""
    if shutil.which("pulseaudio") is None or shutil.which("pactl") is None:
        raise SoundServerError(f"The echo room needs PulseAudio: sudo apt install {PACKAGES}")
    with tempfile.TemporaryDirectory(prefix="echo-room-") as folder:
        runtime = Path(folder) / "pulse"
        runtime.mkdir(mode=0o700)
        socket = runtime / "native"
        environment = {
            "XDG_RUNTIME_DIR": folder,
            "PULSE_RUNTIME_PATH": str(runtime),
            "PULSE_STATE_PATH": folder,
            "PULSE_SERVER": f"unix:{socket}",
        }
        loads = [f"module-native-protocol-unix auth-anonymous=1 socket={socket}"]
        loads += [module.format(channels=channels) for module in modules]
        process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--realtime=no"]
            + ["--high-priority=no", "--log-target=stderr"]
            + [word for module in loads for word in ("-L", module)],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = SoundServer(environment, process)
        try:
            _await(server)
            if modules:
                server.control("set-default-sink", "speaker")
                server.control("set-default-source", "microphone")
            yield server
        finally:
            process.terminate()
            process.wait()


def _await(server: SoundServer) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and server.process.poll() is None:
        try:
            server.control("info")
            return
        except subprocess.CalledProcessError:
            time.sleep(0.05)
    raise SoundServerError("PulseAudio does not start; try `pulseaudio -n --daemonize=no -v`.")
