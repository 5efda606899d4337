"""The local door with devices of which the test is the clock: words are heard when the loudspeaker has said them, and
what is unplugged costs nothing.
"""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest
from loopback_devices import Plugged

from voiceagent.app.agent import Agent
from voiceagent.app.engines import build_engine
from voiceagent.app.settings import load_settings
from voiceagent.audio.files import resample
from voiceagent.engines.drive import drive
from voiceagent.errors import VoiceAgentError
from voiceagent.local import door as door_module
from voiceagent.local import wake_word as wake_word_module
from voiceagent.local.door import LocalDoor
from voiceagent.local.echo import EchoState
from voiceagent.local.mouth import AHEAD
from voiceagent.local.portaudio import Choice, DeviceError
from voiceagent.local.wake_word import WakeWord
from voiceagent.session.reports import (
    ResponseEnded,
    SessionClosed,
    SessionOpened,
    UserTurnEnded,
    WordHeard,
)

SETS = ("session.greeting=''", "session.idle_s=0")


class Talk:
    """A door, and what its session reported."""

    def __init__(self, agent, devices, **how):
        self.reports = []
        self.devices = devices
        self.door = LocalDoor(
            agent.open_session, self.reports.append, devices, Choice(), **{"cancel_echo": False, **how}
        )

    def of(self, kind):
        return [report for report in self.reports if isinstance(report, kind)]

    async def tick(self, count=1, near=None):
        for _ in range(count):
            self.devices.now.tick(near)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def until(self, true, near=None):
        async with asyncio.timeout(60):
            while not true():
                if self.devices.opened and not self.devices.now.closed:
                    self.devices.now.tick(near)
                await asyncio.sleep(0.001)


@asynccontextmanager
async def talk(*sets, devices=None, **how):
    settings = load_settings("scripted.yaml", [*SETS, *sets]).settings
    async with Agent(settings) as agent:
        here = Talk(agent, devices or Plugged(), **how)
        running = asyncio.create_task(here.door.run())
        try:
            await here.until(lambda: here.of(SessionOpened) or running.done())
            yield here
        finally:
            await here.door.close("hangup")
            await running


def sounding(blocks):
    return [index for index, block in enumerate(blocks) if np.abs(block).max() > 0.01]


async def test_a_word_is_heard_when_the_loudspeaker_has_said_it_and_not_when_it_was_sent():
    async with talk() as here:
        here.door.session.say("one two three four five six")
        await here.until(lambda: sounding(here.devices.now.played))
        begun = sounding(here.devices.now.played)[0]
        await here.until(lambda: here.of(WordHeard))
        first_s = (len(here.devices.now.played) - begun) / 100
        await here.until(lambda: here.of(ResponseEnded))
        (ended,) = here.of(ResponseEnded)
        last_s = (len(here.devices.now.played) - 1 - sounding(here.devices.now.played)[-1]) / 100
    assert ended.heard_words == 6
    # The first word counts at its middle (0.1 s or later) plus the 40 ms that the device is behind.
    assert first_s >= 0.1 + here.devices.now.latency_s
    assert 0 <= last_s - here.devices.now.latency_s <= 0.06


async def test_silenced_the_agent_is_quiet_within_two_blocks_and_what_it_did_not_say_is_not_remembered():
    async with talk() as here:
        here.door.session.say("one two three four five six seven eight nine ten")
        await here.until(lambda: len(here.of(WordHeard)) == 3)
        here.door.session.stop_speaking()
        at = len(here.devices.now.played)
        await here.tick(20)
        (ended,) = here.of(ResponseEnded)
        after = [index - at for index in sounding(here.devices.now.played) if index >= at]
        counts = here.door.status().counts
    assert ended.heard_text.split() == ["one", "two", "three"][: ended.heard_words]
    assert ended.heard_words == 3
    assert max(after, default=-1) <= 1
    assert counts.gaps == 0


async def test_a_device_that_is_unplugged_in_mid_sentence_costs_no_word():
    async with talk() as here:
        here.door.session.say("one two three four five six")
        await here.until(lambda: len(here.of(WordHeard)) == 2)
        here.devices.trouble = "It is unplugged."
        first = here.devices.now
        first.unplug()
        await here.until(lambda: here.devices.refreshed)
        assert first.closed
        assert here.door.status().trouble == "It is unplugged."
        assert here.door.status().input == ""
        assert not here.of(ResponseEnded)
        here.devices.trouble = ""
        await here.until(lambda: len(here.devices.opened) == 2 and here.of(ResponseEnded))
        assert here.of(ResponseEnded)[0].heard_words == 6
        assert here.door.status().trouble == ""
        assert len(here.of(SessionOpened)) == 1


async def test_a_device_that_comes_back_is_not_trusted_to_have_the_echo_of_the_one_before():
    async with talk(cancel_echo=True) as here:
        here.door.session.say("one two three four five six seven eight nine ten eleven twelve")
        await here.until(lambda: len(here.of(WordHeard)) == 2)
        assert here.door.status().echo is EchoState.READY
        here.devices.now.unplug()
        await here.until(lambda: len(here.devices.opened) == 2 and here.door.status().input)
        assert here.door.status().echo is EchoState.LEARNING
        await here.until(lambda: here.door.status().echo is EchoState.READY)
        assert not here.of(ResponseEnded)


async def test_a_device_that_falls_silent_without_a_word_is_given_up(monkeypatch):
    monkeypatch.setattr(door_module, "STOPPED_S", 0.05)
    async with talk() as here:
        first = here.devices.now
        async with asyncio.timeout(60):
            while len(here.devices.opened) < 2:  # noqa: ASYNC110 - a list has no event to wait for
                await asyncio.sleep(0.01)
    assert first.closed


async def test_another_default_device_is_followed(monkeypatch):
    monkeypatch.setattr(door_module, "SETTLES_S", 0.0)
    async with talk() as here:
        here.devices.change()  # something else has changed
        await here.tick(10)
        assert len(here.devices.opened) == 1
        here.devices.named = ("Headset", "Headset")
        here.devices.change()
        await here.until(lambda: len(here.devices.opened) == 2)
        assert here.devices.opened[0].closed


async def test_without_a_device_there_is_an_error_and_no_session_stays_open():
    devices = Plugged()
    devices.trouble = "There is no microphone."
    settings = load_settings("scripted.yaml", SETS).settings
    async with Agent(settings) as agent:
        here = Talk(agent, devices)
        with pytest.raises(DeviceError, match="There is no microphone"):
            await here.door.run()
        await here.door.close("hangup")
        assert here.door.session.state.closed
        assert not here.of(SessionOpened)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
async def test_every_rate_of_a_device_is_heard_and_spoken(rate):
    async with talk(devices=Plugged(rate)) as here:
        time_s = np.arange(rate // 100) / rate
        voice = (0.3 * np.sin(2 * np.pi * 300 * time_s)).astype(np.float32)
        await here.tick(80, voice)
        await here.until(lambda: here.of(ResponseEnded))
        assert here.of(UserTurnEnded)
        begin, *_, end = sounding(here.devices.now.played)
        assert end - begin > 50


async def test_muted_nothing_is_heard_and_a_gap_is_counted():
    async with talk() as here:
        here.door.toggle()
        voice = np.full(480, 0.3, np.float32)
        await here.tick(100, voice)
        for _ in range(AHEAD + 3):
            here.devices.now.tick(voice)  # the event loop is late
        here.devices.now.tick(voice, underrun=True, overrun=True)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        status = here.door.status()
        assert status.muted
        assert not here.of(UserTurnEnded)
        assert (status.counts.starved, status.counts.underruns, status.counts.overruns) == (4, 1, 1)
        assert here.door.describe()["underruns"] == 5


async def test_push_to_talk_hears_what_is_said_between_two_presses():
    async with talk(push_to_talk=True) as here:
        voice = np.full(480, 0.3, np.float32)
        await here.tick(60, voice)  # before it is pressed
        here.door.toggle()
        await here.tick(60, voice)
        assert not here.of(UserTurnEnded)
        here.door.toggle()
        await here.until(lambda: here.of(UserTurnEnded))
        assert len(here.of(UserTurnEnded)) == 1


async def test_a_microphone_that_is_off_and_one_that_hears_the_loudspeaker_too_well_are_told():
    async with talk() as here:
        await here.tick(310, np.zeros(480, np.float32))
        assert "Nothing comes from the microphone" in here.door.status().trouble
        await here.tick(1)
        assert here.door.status().trouble == ""


async def test_close_ends_the_session_and_lets_go_of_the_device():
    async with talk() as here:
        pass
    assert here.devices.now.closed
    assert len(here.of(SessionClosed)) == 1
    assert here.door.describe()["connection"] == "local"


async def test_with_a_wake_word_nothing_is_heard_before_it_and_some_silence_after_it(monkeypatch):
    monkeypatch.setattr(wake_word_module, "AWAKE_S", 0.5)
    engine = build_engine("tts", load_settings("cpu.yaml", []).settings, ())
    engine.load()
    called = resample(spoken(engine, "Hey Jarvis."), engine.sample_rate, 48_000)
    voice = np.full(480, 0.3, np.float32)
    async with talk(wake_word=WakeWord("hey jarvis")) as here:
        await here.tick(60, voice)
        await here.tick(60)
        assert here.door.status().asleep
        for at in range(0, len(called) - 479, 480):
            await here.tick(1, called[at : at + 480])
        await here.tick(20)
        assert not here.door.status().asleep
        assert not here.of(UserTurnEnded)
        await here.tick(50, voice)
        await here.until(lambda: here.of(ResponseEnded))
        assert here.of(UserTurnEnded)
        await here.until(lambda: here.door.status().asleep)


def test_a_wake_word_without_a_model_is_refused():
    with pytest.raises(VoiceAgentError, match="no model for the wake word 'computer'; there is okay nabu"):
        WakeWord("computer")


def spoken(engine, text):
    pieces = []
    stream = engine.open(lambda event: pieces.append(event.pcm))
    stream.speak(1, 0, text, deadline=0.0)
    drive(engine)
    stream.close()
    return np.concatenate(pieces)
