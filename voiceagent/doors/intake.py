"""A live client's audio: no more than a person speaks and a burst after a hiccup of the network, at 16 kHz."""

import asyncio

from voiceagent.audio.files import Resampler
from voiceagent.audio.pcm import Pcm
from voiceagent.doors.errors import BadRequestError
from voiceagent.engines.asr.contract import SAMPLE_RATE

BURST_S = 10.0


class Intake:
    """Counts the audio of one client against the clock, and brings it to the rate that a session hears."""

    def __init__(self, burst_s: float = BURST_S) -> None:
        self._burst_s = burst_s
        self._loop = asyncio.get_running_loop()
        self._spoken_until = self._loop.time()
        self._rate = SAMPLE_RATE
        self._resampler: Resampler | None = None

    def take(self, pcm: Pcm, rate: int = SAMPLE_RATE) -> Pcm:
        """Return audio that came just now, at 16 kHz; the end of it may come with the next. Raises as `count` does."""
        self.count(len(pcm) / rate)
        if rate != self._rate:
            self._rate, self._resampler = rate, None if rate == SAMPLE_RATE else Resampler(rate, SAMPLE_RATE)
        return pcm if self._resampler is None else self._resampler.push(pcm)

    def count(self, seconds: float) -> None:
        """Count what takes `seconds` to be said. Raises BadRequestError for more than `burst_s` ahead of the clock."""
        now = self._loop.time()
        spoken_until = max(self._spoken_until, now) + seconds
        if spoken_until - now > self._burst_s:
            words = f"The audio comes faster than it is spoken: send no more than {self._burst_s:g} s ahead."
            raise BadRequestError("too_fast", words)
        self._spoken_until = spoken_until
