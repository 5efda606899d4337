"""A caller's microphone: 20 ms every 20 ms, with quiet room noise, and speech when asked for.

A sample counts as sent when its frame is given to the transport, as all real microphones send: never sooner than at
the end of the packet's 20 ms. Speech is aligned so that its last sample is the last of a packet.
"""

import asyncio
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack

from voiceagent.audio.opus import TIMESTAMP_RATE, OpusEncoder
from voiceagent.audio.pcm import Pcm

RATE = 16_000
FRAME_S = 0.02
FRAME_SAMPLES = round(RATE * FRAME_S)
NOISE_DB = -66.0
"""RMS of the room, in dB of full scale: a quiet office."""
BITRATE = 32_000
"""What browsers send speech at."""
_NOISE_S = 10
_CATCH_UP_S = 0.1
"""A microphone that is late by more than this leaves the time out."""


@dataclass(frozen=True, slots=True)
class Said:
    """When speech was sent, in seconds on the event loop's clock."""

    start: float
    """Its first sample."""
    end: float
    """Its last sample."""


class Talker:
    """A person in a room: a frame of 20 ms every 20 ms."""

    def __init__(self) -> None:
        noise = np.random.default_rng(0).standard_normal(_NOISE_S * RATE)
        self._noise = (noise * 10 ** (NOISE_DB / 20)).astype(np.float32).reshape(-1, FRAME_SAMPLES)
        self._speech: list[Pcm] = []
        self._started: float | None = None
        self._said: asyncio.Future[Said] | None = None
        self._frames = 0
        self._due: float | None = None

    async def say(self, pcm: Pcm) -> Said:
        """Speak 16 kHz audio, beginning now; return when its first and last sample were sent."""
        assert not self._speech, "one thing at a time"
        padded = np.concatenate([np.zeros(-len(pcm) % FRAME_SAMPLES, np.float32), pcm])
        self._said = asyncio.get_running_loop().create_future()
        self._started = None
        self._speech = list(padded.reshape(-1, FRAME_SAMPLES))
        return await self._said

    def stop(self) -> None:
        """Give no further frame."""
        self._due = float("inf")

    async def frame(self) -> Pcm:
        """Wait until the next frame is due and return it, 16 kHz; it counts as sent now."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._due is None or now - self._due > _CATCH_UP_S:
            self._due = now
        if self._due > now:
            await asyncio.sleep(self._due - now)
        self._due += FRAME_S
        frame = self._next(loop.time())
        self._frames += 1
        return frame

    def _next(self, now: float) -> Pcm:
        frame: Pcm = self._noise[self._frames % len(self._noise)]
        if not self._speech:
            return frame
        self._started = now if self._started is None else self._started
        frame = frame + self._speech.pop(0)
        if not self._speech and self._said is not None and not self._said.done():
            self._said.set_result(Said(self._started, now))
        return frame


class Microphone(MediaStreamTrack):
    """An audio track for aiortc's sender; gives Opus packets ready-made."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._encoder = OpusEncoder(RATE, bitrate=BITRATE, fec=False)
        self._talker = Talker()
        self._packets = 0

    def protect(self, loss_percent: int) -> None:
        """Send in-band FEC for this much loss, like a browser that was asked to and got reports of loss."""
        self._encoder = OpusEncoder(RATE, bitrate=BITRATE, fec=True, packet_loss_percent=loss_percent)

    async def say(self, pcm: Pcm) -> Said:
        """Speak 16 kHz audio, beginning now; return when its first and last sample were sent."""
        return await self._talker.say(pcm)

    def stop_sending(self) -> None:
        """Send no further packet; the connection stays."""
        self._talker.stop()

    async def recv(self) -> "av.Packet[Any]":
        """Wait until the next packet is due and return it."""
        packet = av.Packet(self._encoder.encode(await self._talker.frame()))
        packet.pts = round(self._packets * FRAME_S * TIMESTAMP_RATE)
        packet.time_base = Fraction(1, TIMESTAMP_RATE)
        self._packets += 1
        return packet
