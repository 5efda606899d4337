"""The local door on a real sound server without a sound card: what is plugged in, pulled out, and killed."""

import asyncio
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from contextlib import asynccontextmanager

import pytest

from benchmarks.echo_room.sound_server import sound_server
from benchmarks.echo_room.visit import devices
from voiceagent.app.agent import Agent
from voiceagent.app.settings import load_settings
from voiceagent.local.devices import SystemDevices
from voiceagent.local.door import LocalDoor
from voiceagent.local.portaudio import Choice, DeviceError, find
from voiceagent.session.reports import ResponseEnded, WordHeard

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.skipif(
        shutil.which("pulseaudio") is None, reason="needs the Debian packages pulseaudio, libportaudio2"
    ),
]

COMMAND = [sys.executable, "-m", "voiceagent"]
SCRIPTED = ["--config", "scripted.yaml"]
WORDS = " ".join(f"word{number}" for number in range(40))
MICROPHONE = "module-remap-source", "source_name=microphone", "master=air.monitor"


@pytest.fixture
def server():
    with devices() as running:
        listener = subprocess.Popen(  # a null sink that nobody listens to takes seconds to start
            ["parec", "-d", "speaker.monitor", "--latency-msec=10"], stdout=subprocess.DEVNULL
        )
        yield running
        listener.kill()
        listener.wait()


@asynccontextmanager
async def talk(choice=Choice()):  # noqa: B008 - frozen
    settings = load_settings("scripted.yaml", ["session.greeting=''", "session.idle_s=0"]).settings
    async with Agent(settings) as agent:
        reports = []
        door = LocalDoor(agent.open_session, reports.append, SystemDevices(), choice)
        running = asyncio.create_task(door.run())
        try:
            yield door, reports, running
        finally:
            await door.close("hangup")
            await asyncio.gather(running, return_exceptions=True)


async def until(true, seconds=15):
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)


def heard(reports):
    return sum(isinstance(report, WordHeard) for report in reports)


def run(*words, **environment):
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )


def test_devices_are_listed_by_the_names_that_choose_them(server):
    listed = run("talk", "--list-devices").stdout.splitlines()
    assert [line.split() for line in listed] == [
        ["*", "microphone", "microphone", "Microphone"],
        ["*", "loudspeaker", "speaker", "Loudspeaker"],
        ["loudspeaker", "air", "Air"],
    ]


def test_a_wrong_name_is_told_with_those_that_there_are(server):
    done = run("talk", *SCRIPTED, "--output", "headset")
    assert done.returncode == 1
    words = "No loudspeaker 'headset': there is none; choose one of 'speaker', 'air' (voiceagent talk --list-devices)."
    assert done.stderr == f"Error: {words}\n"


def test_a_loudspeakers_monitor_is_no_microphone(server):
    server.control("unload-module", "module-remap-source")
    done = run("talk", *SCRIPTED)
    assert done.returncode == 1
    assert "There is no microphone on this machine" in done.stderr
    assert "Loading" not in done.stdout


@pytest.mark.thorough
def test_without_a_sound_server_there_is_one_line(monkeypatch, tmp_path):
    done = run("talk", *SCRIPTED, PULSE_SERVER=f"unix:{tmp_path}/nothing", XDG_RUNTIME_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: There is no microphone on this machine.")
    assert done.stderr.count("\n") == 1


async def test_a_microphone_that_is_pulled_out_and_plugged_in_again_costs_no_word(server):
    async with talk() as (door, reports, _):
        await until(lambda: door.status().input)
        door.session.say(WORDS)
        await until(lambda: heard(reports) >= 5)
        server.control("unload-module", "module-remap-source")
        await until(lambda: door.status().trouble)
        assert "There is no microphone" in door.status().trouble
        said = heard(reports)
        assert said < 40
        server.control("load-module", *MICROPHONE)
        server.control("set-default-source", "microphone")
        await until(lambda: heard(reports) >= said + 5)
        assert door.status().trouble == ""
        assert not any(isinstance(report, ResponseEnded) for report in reports)


@pytest.mark.thorough
async def test_the_default_loudspeaker_is_followed(server):
    async with talk() as (door, _, _):
        await until(lambda: door.status().output == "Loudspeaker")
        server.control("set-default-sink", "air")
        await until(lambda: door.status().output == "Air")


async def test_a_device_that_is_chosen_by_name_is_the_one(server):
    assert find(Choice(output="Air"), "output").pulse == "air"
    async with talk(Choice(output="air")) as (door, _, _):
        await until(lambda: door.status().output == "Air")
        inputs = await asyncio.to_thread(server.control, "list", "sink-inputs")
        assert "Sink: 1" in inputs


async def test_a_sound_server_that_dies_is_told_and_the_conversation_waits(server):
    async with talk() as (door, reports, running):
        await until(lambda: door.status().input)
        door.session.say(WORDS)
        await until(lambda: heard(reports) >= 3)
        server.kill()
        await until(lambda: door.status().trouble)
        assert not running.done()
        assert not any(isinstance(report, ResponseEnded) for report in reports)


async def test_at_the_beginning_a_missing_device_ends_it():
    with devices() as server:
        server.control("unload-module", "module-remap-source")
        async with talk() as (_, _, running):
            with pytest.raises(DeviceError, match="There is no microphone"):
                await running


@pytest.mark.thorough
def test_the_doctor_measures_the_way_from_loudspeaker_to_microphone(tmp_path):
    with sound_server() as server:
        environment = {**os.environ, **server.environment}
        room = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.echo_room.room",
                "--echo-db",
                "-6",
                "--levels",
                str(tmp_path / "levels"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        room.stdout.readline()
        done = run("doctor", *SCRIPTED, "--set", "server.port=0", "--sound", **server.environment)
        room.communicate()
    (line,) = [line for line in done.stdout.splitlines() if " echo " in line]
    delay_ms, loss_db = map(int, re.search(r"back after (\d+) ms, (\d+) dB quieter", line).groups())
    assert line.startswith("ok")
    assert 60 < delay_ms < 300
    assert 4 <= loss_db <= 8
    assert line.endswith("the agent can be interrupted without a headset")


def test_in_a_terminal_one_types_reads_and_leaves(server):
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "talk", *SCRIPTED, "--set", "session.greeting=Hello there."],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "20"},
    )
    os.close(terminal)
    screen = Pty(controller)
    screen.until("Hello there.")
    screen.press("\n")
    screen.press("the time")
    screen.until("> the time")
    screen.press("\x7f\x7f\x7f\x7fweather\n")
    screen.until("You said: the weather")
    screen.press(" ")
    screen.until("muted")
    screen.press("\x1b[A\x1b")  # an arrow means nothing
    screen.press("q")
    screen.rest()
    assert process.wait(timeout=30) == 0
    # What was said stays in the terminal.
    assert "you: the weather" in screen.text
    assert "Traceback" not in screen.text


@pytest.mark.thorough
def test_without_a_terminal_there_are_plain_lines(server):
    with subprocess.Popen(
        [*COMMAND, "talk", *SCRIPTED, "--set", "session.greeting=Hello there."],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout.readline() == "Loading the models...\n"
        assert process.stdout.readline() == "agent: Hello there.\n"
        process.terminate()


class Pty:
    """What a terminal shows."""

    def __init__(self, file):
        self._file = file
        self.text = ""

    def press(self, keys):
        os.write(self._file, keys.encode())

    def until(self, wanted, seconds=30):
        end = time.monotonic() + seconds
        while wanted not in self.text:
            assert time.monotonic() < end, f"no {wanted!r} in {self.text[-2000:]!r}"
            self._read(0.1)

    def rest(self, seconds=30):
        end = time.monotonic() + seconds
        while self._read(5.0):
            assert time.monotonic() < end, f"it goes on: {self.text[-500:]!r}"

    def _read(self, seconds):
        if not select.select([self._file], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._file, 65536)
        except OSError:  # the other end is closed
            return False
        self.text += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", data.decode(errors="replace"))
        return bool(data)
