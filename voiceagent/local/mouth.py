"""What waits for the loudspeaker: four blocks of 10 ms, so that the event loop may be 40 ms late.

The device's clock pulls: each block that it takes makes room for another. A word counts as heard when it comes out of
the loudspeaker: behind what waits here, and behind what the device holds itself.
"""

from collections import deque
from collections.abc import Callable
from statistics import median

import numpy as np

from voiceagent.audio.pcm import Pcm, fade_out
from voiceagent.audio.reframe import Reframer
from voiceagent.local.device import BLOCKS_PER_S

AHEAD = 4
LONGEST_LEAD_S = 1.0
"""A device that says more is not believed; Bluetooth's is 0.2 s."""


class Mouth:
    """The client of a playout at `agent_rate` (`Playout.follow`), which plays at `rate`.

    `on_clear` is told that there is room, and may not fill it yet.
    """

    def __init__(self, agent_rate: int, rate: int, latency_s: float, on_clear: Callable[[], object]) -> None:
        self._on_clear = on_clear
        self._reframer = Reframer(agent_rate, rate, rate // BLOCKS_PER_S)
        self._rate = rate
        self._waiting: deque[Pcm] = deque()
        self._leads = deque([latency_s], maxlen=BLOCKS_PER_S)
        self._lead_s = latency_s
        self._begun = False
        self.starved = 0
        """Blocks that were not there when the device asked: each is a gap of 10 ms."""

    @property
    def lead_s(self) -> float:
        """Until what the device takes now is heard: the middle of what it said in the last second."""
        return self._lead_s

    @property
    def unplayed_s(self) -> float:
        """Seconds of what was pulled that is yet to be heard."""
        return len(self._waiting) / BLOCKS_PER_S + self._reframer.held / self._rate + self._lead_s

    def clear(self) -> None:
        """Drop what waits here, fading out; what the device has can't be taken back."""
        dropped, self._waiting = self._waiting, deque()
        if dropped:
            self._waiting.append(fade_out(dropped[0], self._rate))
        self._on_clear()

    def take(self, samples: int) -> Pcm:
        """Return the next block. On PortAudio's thread; a deque needs no lock."""
        try:
            return self._waiting.popleft()
        except IndexError:
            self.starved += self._begun
            return np.zeros(samples, np.float32)

    def note_lead(self, lead_s: float) -> None:
        """Record what the device says of how long its output is under way."""
        if 0 < lead_s < LONGEST_LEAD_S:
            self._leads.append(lead_s)
            self._lead_s = median(self._leads)

    def fill(self, pull: Callable[[], Pcm]) -> None:
        """Make up for what was taken."""
        while len(self._waiting) < AHEAD:
            self._waiting.extend(self._reframer.push(pull()))
        self._begun = True
