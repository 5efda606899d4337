"""An open device between a person and a session: blocks come and go, are counted, and are as loud as they are."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from voiceagent.audio.pcm import SILENCE_DB, Pcm, level_db
from voiceagent.local.backlog import Backlog
from voiceagent.local.device import BLOCKS_PER_S, Block
from voiceagent.local.devices import Devices
from voiceagent.local.ears import Ears
from voiceagent.local.echo import EchoCanceller, EchoState
from voiceagent.local.mouth import Mouth
from voiceagent.local.portaudio import Choice
from voiceagent.local.status import Counts

log = logging.getLogger(__name__)

NOTHING_S = 3.0
"""After so much digital silence, the microphone is off."""


LATE_S = 0.045
"""The device calls every 10 ms, give or take some; one that calls this late may have run dry without saying so."""


class Line:
    """Opens the device, which takes up to half a second. Raises DeviceError.

    From `start` on, which belongs on the event loop as all the rest does, `hear` gets pieces of 10 ms at 16 kHz and
    `pull` is asked for the agent's at `agent_rate`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        devices: Devices,
        choice: Choice,
        canceller: EchoCanceller | None,
        agent_rate: int,
    ) -> None:
        self._loop = loop
        self._mouth: Mouth | None = None
        self._hear: Callable[[Pcm], None] | None = None
        self._pull: Callable[[], Pcm] | None = None
        self._underruns = self._overruns = self._silent_blocks = 0
        self._user_db = self._agent_db = SILENCE_DB
        self._canceller = canceller
        self._block_at_s: float | None = None
        self._backlog = Backlog()
        self._known = Counts()
        self.called_at = loop.time()
        """When the device called last."""
        self.gone = asyncio.Event()
        """The stream has ended by itself."""
        self._sound = devices.open(choice, self._play, self._heard, self._end)
        self.input, self.output, self.rate = self._sound.input, self._sound.output, self._sound.rate
        self.mouth = Mouth(agent_rate, self.rate, self._sound.latency_s, lambda: loop.call_soon(self._fill))
        self._ears = Ears(self.rate, canceller)

    @property
    def counts(self) -> Counts:
        """What went wrong so far."""
        return Counts(self._underruns, self.mouth.starved, self._overruns)

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all comes from the microphone."""
        return self._silent_blocks > NOTHING_S * BLOCKS_PER_S

    def levels(self) -> tuple[float, float]:
        """Return how loud user and agent were since the last call, in dB."""
        levels, self._user_db, self._agent_db = (self._user_db, self._agent_db), SILENCE_DB, SILENCE_DB
        return levels

    def start(self, hear: Callable[[Pcm], None], pull: Callable[[], Pcm]) -> None:
        """Begin to play and to hear."""
        self._hear, self._pull = hear, pull
        if self._canceller is not None and self._canceller.state is not EchoState.IDLE:
            self._canceller.disturb()  # it knows another device, or this one with another delay
        self.called_at = self._loop.time()
        self.mouth.fill(pull)
        self._mouth = self.mouth

    def close(self) -> None:
        """Let go of the device."""
        self._hear = self._pull = None
        self.gone.set()
        self._sound.close()

    # On PortAudio's thread

    def _play(self, samples: int) -> Pcm:
        return np.zeros(samples, np.float32) if self._mouth is None else self._mouth.take(samples)

    def _heard(self, block: Block) -> None:
        self._post(self._take, block)

    def _end(self) -> None:
        self._post(self.gone.set)

    def _post(self, do: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: the program ends
            self._loop.call_soon_threadsafe(do, *arguments)

    # On the event loop

    def _take(self, block: Block) -> None:
        if self._hear is None or self._pull is None:
            return
        self.called_at = self._loop.time()
        self._underruns += block.underrun
        self._overruns += block.overrun
        self._silent_blocks = 0 if block.near.any() else self._silent_blocks + 1
        self._agent_db = max(self._agent_db, level_db(block.far))
        self.mouth.note_lead(block.lead_s)
        if self._canceller is not None and self._is_disturbed(block):
            self._canceller.disturb()
        if self._backlog.is_late(block.age_s):
            log.info("the microphone was late: the device begins again", extra={"age_ms": round(1000 * block.age_s)})
            self._loop.run_in_executor(None, self._sound.restart)
        for pcm in self._ears.hear(block):
            self._user_db = max(self._user_db, level_db(pcm))
            self._hear(pcm)
        self._fill()

    def _fill(self) -> None:
        if self._pull is not None:
            self.mouth.fill(self._pull)

    def _is_disturbed(self, block: Block) -> bool:
        """Return whether what is played may have moved against what is heard since the last block.

        A block that starved moves nothing by itself, but a machine that is late in one place is late in others.
        """
        before, self._block_at_s = self._block_at_s, block.at_s
        counts, self._known = self._known, self.counts
        return counts != self._known or (before is not None and block.at_s - before > LATE_S)
