"""The agent's audio, from the playout to aiortc's sender: encoded here, one paced packet every 20 ms, silence included.

The packet goes to the sender ready-made, so that aiortc's own encoder (96 kb/s stereo, resampling, a thread hop) is not
used. In-band FEC is on: a browser can recover a lost packet from the next one.
"""

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from voiceagent.audio.files import Resampler
from voiceagent.audio.opus import RATES, TIMESTAMP_RATE, OpusEncoder
from voiceagent.audio.pcm import Pcm

FRAME_S = 0.02
BITRATE = 32_000
"""Bits per second: transparent for wide-band mono speech, with room for FEC."""
EXPECTED_LOSS_PERCENT = 5
"""The loss that FEC is dimensioned for."""
CATCH_UP_S = 0.1
"""A sender that is late by more than this gives up the lost time instead of sending a burst."""
RESAMPLER_LAG = 64
"""Samples at 48 kHz that its filter holds back, rounded up: as much silence is sent first."""
_TIME_BASE = Fraction(1, TIMESTAMP_RATE)
_TICKS = round(TIMESTAMP_RATE * FRAME_S)


class AgentTrack(MediaStreamTrack):
    """An audio track of what `pull` returns: always 20 ms at `rate` Hz."""

    kind = "audio"

    def __init__(self, pull: Callable[[], Pcm], rate: int) -> None:
        super().__init__()
        self._pull = pull
        opus_rate = rate if rate in RATES else TIMESTAMP_RATE
        self._resampler = None if opus_rate == rate else Resampler(rate, opus_rate)
        self._frame_samples = round(opus_rate * FRAME_S)
        self._resampled = np.zeros(RESAMPLER_LAG, np.float32)
        self._encoder = OpusEncoder(opus_rate, bitrate=BITRATE, fec=True, packet_loss_percent=EXPECTED_LOSS_PERCENT)
        self._frames = 0
        self._due: float | None = None

    async def recv(self) -> "av.Packet[Any]":
        """Wait until the next 20 ms are due and return them as an Opus packet. Raises MediaStreamError once stopped."""
        if self.readyState != "live":
            raise MediaStreamError
        now = asyncio.get_running_loop().time()
        if self._due is None or now - self._due > CATCH_UP_S:
            self._due = now
        if (wait_s := self._due - now) > 0:
            await asyncio.sleep(wait_s)
        self._due += FRAME_S
        packet = av.Packet(self._encoder.encode(self._next()))
        packet.pts = self._frames * _TICKS
        packet.time_base = _TIME_BASE
        self._frames += 1
        return packet

    def _next(self) -> Pcm:
        if self._resampler is None:
            return self._pull()
        while len(self._resampled) < self._frame_samples:
            self._resampled = np.concatenate((self._resampled, self._resampler.push(self._pull())))
        frame, self._resampled = np.split(self._resampled, [self._frame_samples])
        return frame
