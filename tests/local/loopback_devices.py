"""Devices of which a test is the clock, the room and the hand that pulls the plug."""

import asyncio
from collections import deque

import numpy as np

from voiceagent.local.device import Block
from voiceagent.local.portaudio import DeviceError


class Loopback:
    """An open device; `tick` is what PortAudio's thread does."""

    input, output = "Microphone", "Loudspeaker"

    def __init__(self, rate, play, heard, gone, lead_s=0.04):
        self.rate, self.latency_s = rate, lead_s
        self._play, self._heard, self.unplug = play, heard, gone
        self.played: deque[np.ndarray] = deque()
        self.closed = False
        self.calls = self.restarts = 0
        self.age_s = 0.02

    def tick(self, near=None, *, underrun=False, overrun=False):
        """Play 10 ms and hear `near`, silence if it is left out."""
        self.calls += 1
        samples = self.rate // 100
        far = self._play(samples)
        self.played.append(far)
        heard = np.full(samples, 1e-5, np.float32) if near is None else near
        self._heard(Block(heard, far, self.latency_s, self.age_s, self.calls / 100, underrun, overrun))

    def close(self):
        self.closed = True

    def restart(self):
        self.restarts += 1


class Plugged:
    """The machine's devices: `trouble` is why none can be opened."""

    def __init__(self, rate=48_000):
        self.rate = rate
        self.trouble = ""
        self.opened: list[Loopback] = []
        self.named = (Loopback.input, Loopback.output)
        self.refreshed = 0
        self._changed = asyncio.Event()

    @property
    def now(self):
        return self.opened[-1]

    def open(self, choice, play, heard, gone):
        if self.trouble:
            raise DeviceError(self.trouble)
        self.opened.append(Loopback(self.rate, play, heard, gone))
        return self.now

    def names(self, choice):
        return self.named

    def refresh(self):
        self.refreshed += 1

    def change(self):
        self._changed.set()

    async def changes(self):
        while True:
            await self._changed.wait()
            self._changed.clear()
            yield
