"""One microphone and one loudspeaker, open together.

PortAudio's thread calls every 10 ms. It copies the block that came, takes the block to play, and hands both on as a
pair; it computes nothing and waits for nothing but Python's lock, which a computing thread gives up within half a
millisecond (`INTERPRETER_TURN_S`). What was played and what was heard in one call stay together, so that a late event
loop costs a gap and does not move the echo.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock
from time import monotonic
from typing import Any, Protocol

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.local import pulse
from voiceagent.local.portaudio import Choice, DeviceError, Found, find, sounddevice

RATES = (48_000, 44_100, 32_000, 96_000, 24_000, 22_050, 16_000, 8_000)
"""In the order in which they are tried: below 48 kHz PortAudio's way to PulseAudio often does not start."""
BLOCKS_PER_S = 100
LATENCY = "high"
"""PortAudio's word for some 40 ms each way; "low" ran dry 23 times in 26 s of a busy machine."""
STARTS_S = 1.0
"""A stream that starts calls within this; one that fails to start raises nothing and never calls."""
OPENS_S = 6.0
"""After this no more is tried."""


@dataclass(frozen=True, slots=True)
class Block:
    """10 ms: what was heard, and what was played meanwhile, at the device's rate."""

    near: Pcm
    far: Pcm
    lead_s: float
    """Until what is played now comes out of the loudspeaker, as the device says; jitters by 10 ms."""
    age_s: float
    """How long ago the microphone heard it, as the device says."""
    at_s: float
    """When the device called, on a clock of its own."""
    underrun: bool
    overrun: bool


class Sound(Protocol):
    """An open device."""

    rate: int
    """Samples per second, both ways; a block has a hundredth of it."""
    input: str
    output: str
    """What they are called."""
    latency_s: float
    """How long what is played is under way, as promised when it was opened."""

    def close(self) -> None:
        """Stop at once."""

    def restart(self) -> None:
        """Begin again, with nothing that waits to be heard or played. Takes a tenth of a second; any thread's."""


Play = Callable[[int], Pcm]
"""Returns the next samples to be played. Called on PortAudio's thread, as are the others."""
Heard = Callable[[Block], None]
Gone = Callable[[], None]
"""The stream has ended by itself."""


class Device:
    """An open device. Raises DeviceError."""

    def __init__(self, choice: Choice, play: Play, heard: Heard, gone: Gone) -> None:
        self._play, self._heard, self._gone = play, heard, gone
        self._called = Event()
        self._closed = self._restarting = False
        self._changing = Lock()
        """PortAudio must not close a stream while another thread starts it."""
        found = find(choice, "input"), find(choice, "output")
        self.input, self.output = (one.name for one in found)
        pulse.prefer("input", found[0].pulse if choice.input else None)
        pulse.prefer("output", found[1].pulse if choice.output else None)
        self._stream, self.rate = self._open(found)
        self.latency_s = float(self._stream.latency[1])

    def close(self) -> None:
        """Stop at once."""
        self._closed = True
        with self._changing:
            self._stream.abort(ignore_errors=True)
            self._stream.close(ignore_errors=True)

    def restart(self) -> None:
        """Begin again, with nothing that waits to be heard or played; a device that does not is gone. One
        that is closed stays so."""
        with self._changing:
            if self._closed:
                return
            self._restarting = True
            try:
                self._stream.abort()
                self._stream.start()
            except sounddevice().PortAudioError:
                self._gone()
            finally:
                self._restarting = False

    def _open(self, found: tuple[Found, Found]) -> tuple[Any, int]:
        audio = sounddevice()
        refusals: list[str] = []
        until = monotonic() + OPENS_S
        for rate, channels in ((rate, channels) for rate in RATES for channels in _channels(*found)):
            try:
                while monotonic() < until:
                    if stream := self._start(audio, found, rate, channels):
                        return stream, rate
                    refusals.append("it does not start")
            except audio.PortAudioError as error:
                refusals.append(str(error.args[0]))
        names = " with ".join(dict.fromkeys(repr(one.name) for one in found))
        raise DeviceError(
            f"Cannot open {names}: {refusals[0]}. Another program may hold it: close that one, or choose another device"
            " (voiceagent talk --list-devices)."
        )

    def _start(self, audio: Any, found: tuple[Found, Found], rate: int, channels: tuple[int, int]) -> Any | None:
        """Return a stream that calls, None where it does not start. Raises PortAudioError."""
        self._called.clear()
        stream = audio.Stream(
            samplerate=rate,
            blocksize=rate // BLOCKS_PER_S,
            device=tuple(one.number for one in found),
            channels=channels,
            dtype="float32",
            latency=LATENCY,
            callback=self._callback,
            finished_callback=self._finished,
        )
        started = False
        try:
            stream.start()
            started = self._called.wait(STARTS_S)
        finally:
            if not started:
                stream.close(ignore_errors=True)
        return stream if started else None

    def _callback(self, indata: Any, outdata: Any, frames: int, time: Any, status: Any) -> None:
        far = self._play(frames)
        outdata[:] = far[:, None]
        near = indata[:, 0].copy() if indata.shape[1] == 1 else indata.mean(axis=1, dtype=np.float32)
        self._called.set()
        now = time.currentTime
        lead_s, age_s = time.outputBufferDacTime - now, now - time.inputBufferAdcTime
        self._heard(Block(near, far, lead_s, age_s, now, bool(status.output_underflow), bool(status.input_overflow)))

    def _finished(self) -> None:
        if not (self._closed or self._restarting) and self._called.is_set():
            self._gone()


def _channels(microphone: Found, loudspeaker: Found) -> list[tuple[int, int]]:
    """Return the numbers of channels to try: one, then all that a device has."""
    many = microphone.channels, loudspeaker.channels
    return list(dict.fromkeys([(1, 1), (1, min(2, many[1])), (many[0], min(2, many[1])), many]))
