"""Opening devices that are unusual: what PortAudio refuses, and what it does not say."""

import time
from threading import Event, Thread
from types import SimpleNamespace

import numpy as np
import pytest

from voiceagent.local import device as device_module
from voiceagent.local import portaudio
from voiceagent.local.device import Device
from voiceagent.local.portaudio import Choice, DeviceError


class PortAudioError(Exception):
    pass


class FakePortAudio:
    """PortAudio of which a test says what it bears: rates, channels, or why it refuses."""

    PortAudioError = PortAudioError

    def __init__(self, rates=(48_000,), inputs=1, outputs=1, only=None, busy="", starts=True):
        self.rates, self.only, self.busy, self.starts = rates, only, busy, starts
        self.devices = [
            {"index": 0, "name": "USB Audio", "max_input_channels": inputs, "max_output_channels": 0},
            {"index": 1, "name": "USB Speaker", "max_input_channels": 0, "max_output_channels": outputs},
            {"index": 2, "name": "USB Speaker 2", "max_input_channels": 0, "max_output_channels": outputs},
        ]
        self.default = SimpleNamespace(device={"input": 0, "output": 1})
        self.opened = []

    def query_devices(self):
        return self.devices

    def Stream(self, **how):
        if self.busy:
            raise PortAudioError(self.busy)
        if how["samplerate"] not in self.rates:
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")
        if self.only is not None and how["channels"] != self.only:
            raise PortAudioError("Invalid number of channels [PaErrorCode -9998]")
        self.opened.append(how)
        return FakeStream(how, starts=self.starts)


class FakeStream:
    latency = (0.03, 0.05)

    def __init__(self, how, *, starts):
        self.how, self.starts = how, starts

    def start(self):
        if self.starts:
            self.call()

    def call(self, near=0.0, underflow=False):
        frames = self.how["blocksize"]
        heard = np.full((frames, self.how["channels"][0]), near, np.float32)
        self.played = np.zeros((frames, self.how["channels"][1]), np.float32)
        at = SimpleNamespace(outputBufferDacTime=2.04, currentTime=2.0, inputBufferAdcTime=1.98)
        status = SimpleNamespace(output_underflow=underflow, input_overflow=False)
        self.how["callback"](heard, self.played, frames, at, status)

    def abort(self, ignore_errors=True):
        self.how["finished_callback"]()

    def close(self, ignore_errors):
        pass


@pytest.fixture
def plugged(monkeypatch):
    """Have PortAudio find what a test plugs in."""

    def plug(fake):
        monkeypatch.setattr(portaudio, "sounddevice", lambda: fake)
        monkeypatch.setattr(device_module, "sounddevice", lambda: fake)
        return fake

    return plug


def opened(choice=Choice(), level=0.25):  # noqa: B008 - frozen
    blocks, gone = [], []
    device = Device(choice, lambda samples: np.full(samples, level, np.float32), blocks.append, lambda: gone.append(1))
    return device, blocks, gone


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 96_000])
def test_a_device_of_one_rate_is_opened_at_that(plugged, rate):
    plugged(FakePortAudio(rates=(rate,)))
    device, blocks, _ = opened()
    assert device.rate == rate
    assert len(blocks[0].near) == len(blocks[0].far) == rate // 100
    assert blocks[0].lead_s == pytest.approx(0.04)
    assert device.latency_s == 0.05


@pytest.mark.parametrize(
    ("inputs", "outputs", "only"), [(1, 1, (1, 1)), (2, 2, (1, 2)), (4, 2, (4, 2)), (2, 8, (2, 8))]
)
def test_one_channel_or_as_many_as_it_has(plugged, inputs, outputs, only):
    fake = plugged(FakePortAudio(inputs=inputs, outputs=outputs, only=only))
    device, blocks, _ = opened()
    assert fake.opened[-1]["channels"] == only
    device._stream.call(near=0.5)
    assert np.allclose(blocks[-1].near, 0.5)  # of all channels
    assert np.allclose(device._stream.played, 0.25)  # on all channels


def test_a_busy_device_is_told_in_words(plugged):
    plugged(FakePortAudio(busy="Device unavailable [PaErrorCode -9985]"))
    with pytest.raises(
        DeviceError, match=r"Cannot open 'USB Audio' with 'USB Speaker': Device unavailable .*Another program"
    ):
        opened()


def test_a_stream_that_never_calls_is_given_up(plugged, monkeypatch):
    monkeypatch.setattr(device_module, "STARTS_S", 0.01)
    monkeypatch.setattr(device_module, "OPENS_S", 0.05)
    plugged(FakePortAudio(starts=False))
    begun = time.monotonic()
    with pytest.raises(DeviceError, match="it does not start"):
        opened()
    assert time.monotonic() - begun < 30  # it ends at all


@pytest.mark.parametrize(("wanted", "number"), [("1", 1), ("usb speaker", 1), ("Speaker 2", 2), ("2", 2)])
def test_a_loudspeaker_is_chosen_by_number_name_or_a_part_of_it(plugged, wanted, number):
    fake = plugged(FakePortAudio())
    opened(Choice(output=wanted))
    assert fake.opened[-1]["device"] == (0, number)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [("speak", "several are called so; choose one of '1', '2'"), ("headset", "there is none"), ("0", "there is none")],
)
def test_what_is_not_one_loudspeaker_is_refused(plugged, wanted, words):
    plugged(FakePortAudio())
    with pytest.raises(DeviceError, match=words):
        opened(Choice(output=wanted))


def test_a_stream_that_ends_by_itself_is_gone_and_one_that_is_closed_is_not(plugged):
    plugged(FakePortAudio())
    device, _, gone = opened()
    device._stream.how["finished_callback"]()
    assert gone == [1]
    other, _, gone = opened()
    other.close()
    assert gone == []


def test_no_package_and_no_portaudio_say_what_to_install(monkeypatch):
    import builtins

    real = builtins.__import__
    for error, words in (
        (ImportError(), r"pip install 'voiceagent\[local\]'"),
        (OSError(), "apt install libportaudio2"),
    ):

        def refuse(name, *rest, error=error):
            if name == "sounddevice":
                raise error
            return real(name, *rest)

        monkeypatch.setattr(builtins, "__import__", refuse)
        with pytest.raises(DeviceError, match=words):
            portaudio.sounddevice()


def test_a_device_that_begins_again_has_not_gone(plugged):
    plugged(FakePortAudio())
    device, blocks, gone = opened()
    count = len(blocks)
    device.restart()
    assert len(blocks) == count + 1
    assert blocks[-1].age_s == pytest.approx(0.02)
    assert not gone


def test_a_device_that_does_not_begin_again_has_gone(plugged):
    plugged(FakePortAudio())
    device, _, gone = opened()

    def fail():
        raise PortAudioError("Device unavailable")

    device._stream.start = fail
    device.restart()
    assert gone


def test_a_device_that_is_closed_does_not_begin_again(plugged):
    plugged(FakePortAudio())
    device, blocks, gone = opened()
    device.close()
    count = len(blocks)
    device.restart()
    assert len(blocks) == count
    assert not gone


def test_a_device_is_not_closed_while_it_begins_again(plugged):
    plugged(FakePortAudio())
    device, _, _ = opened()
    begun, go, order = Event(), Event(), []

    def start():
        begun.set()
        go.wait(30)
        order.append("started")

    device._stream.start = start
    device._stream.close = lambda ignore_errors: order.append("closed")
    again, end = Thread(target=device.restart), Thread(target=device.close)
    again.start()
    begun.wait(30)
    end.start()
    end.join(0.05)
    go.set()
    again.join(30)
    end.join(30)
    assert order == ["started", "closed"]
