"""The agent's audio, from the playout to aiortc's sender: encoded here, one paced packet every 20 ms, silence included.

The packet goes to the sender ready-made, so that aiortc's own encoder (96 kb/s stereo, resampling, a thread hop) is not
used. In-band FEC is on: a browser can recover a lost packet from the next one.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from voiceagent.audio.opus import TIMESTAMP_RATE
from voiceagent.audio.pcm import Pcm
from voiceagent.audio.reframe import Reframer
from voiceagent.doors.webrtc.codecs import CodecName, make_encoder

FRAME_S = 0.02
CATCH_UP_S = 0.1
"""A sender that is late by more than this gives up the lost time instead of sending a burst."""
_TIME_BASE = Fraction(1, TIMESTAMP_RATE)
_TICKS = round(TIMESTAMP_RATE * FRAME_S)


class AgentTrack(MediaStreamTrack):
    """An audio track of what `pull` returns: always 20 ms at `rate` Hz; in Opus until another codec is negotiated."""

    kind = "audio"

    def __init__(self, pull: Callable[[], Pcm], rate: int) -> None:
        super().__init__()
        self._pull = pull
        self._rate = rate
        self._codec: CodecName | None = None
        self._frames = 0
        self._due: float | None = None
        self.use("OPUS")

    def use(self, codec: CodecName) -> None:
        """Send in this codec, unless sound has been sent in another: aiortc's sender keeps to the first."""
        if self._frames or codec == self._codec:
            return
        self._codec = codec
        self._encoder = make_encoder(codec, self._rate)
        rate = self._encoder.rate
        self._reframer = Reframer(self._rate, rate, round(rate * FRAME_S))
        self._ready: deque[Pcm] = deque()

    async def recv(self) -> "av.Packet[Any]":
        """Wait until the next 20 ms are due and return them, encoded. Raises MediaStreamError once stopped."""
        if self.readyState != "live":
            raise MediaStreamError
        now = asyncio.get_running_loop().time()
        if self._due is None or now - self._due > CATCH_UP_S:
            self._due = now
        if (wait_s := self._due - now) > 0:
            await asyncio.sleep(wait_s)
        self._due += FRAME_S
        packet: av.Packet[Any] = av.Packet(self._encoder.encode(self._next()))
        packet.pts = self._frames * _TICKS
        packet.time_base = _TIME_BASE
        self._frames += 1
        return packet

    def _next(self) -> Pcm:
        while not self._ready:
            self._ready.extend(self._reframer.push(self._pull()))
        return self._ready.popleft()
