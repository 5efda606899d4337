"""One simulated answer: from the end of a question to the last sound, by the session's rules.

Does with lengths what the session's coordinator and `session/response.py` do with words and sound: the answer is
prepared from the first sign of silence, released at the end of the turn, and then paced by the playout.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from voiceagent.engines.contract import Need
from voiceagent.engines.steps import Works
from voiceagent.scheduler.admission.simulated_lanes import SimulatedLanes

HEARD_SILENCE_S = 0.1
"""A silence in mid-answer is noticed if it lasts longer than this beyond the intended pause."""
PREPARED_BY_S = 1.0
"""About how long after its start a prepared answer is wanted; only the order matters."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The part of the conversation still being read when the next answer begins; the answer takes over its tag."""

    tag: int
    task: asyncio.Task[None]


class Answer:
    """One answer of `segments` to one caller, who interrupts it `cut_s` after its first sound."""

    def __init__(
        self, line: SimulatedLanes, caller: int, segments: int, cut_s: float = inf, reading: Reading | None = None
    ) -> None:
        self.asked_at = asyncio.get_running_loop().time()
        self.heard_at: float | None = None
        """When its first sound was heard."""
        self.broken = False
        """Whether there was silence in the middle."""
        self._line = line
        self._demand = line.demand
        self._caller = caller
        self._cut_s = cut_s
        self._written = [asyncio.Event() for _ in range(segments)]
        self._released, self._sounding = asyncio.Event(), asyncio.Event()
        self._reading = reading
        self._text_tag, self._voice_tag = line.tag() if reading is None else reading.tag, line.tag()
        self._unspoken = 0
        """Segments written and not yet spoken in full."""
        self._sounds = False
        """Whether it has any sound yet."""
        self._lasts_s = 0.0
        """Length of the sound made so far; it plays from `heard_at` on without a break."""

    async def run(self) -> None:
        """Answer."""
        async with asyncio.TaskGroup() as group:
            await asyncio.sleep(self._demand.pause_s)
            judged = group.create_task(self._judge())
            await self._run(self._demand.transcript, Need.AWAITED)
            if not self._demand.preemptive:
                await judged
            making = [group.create_task(self._write()), group.create_task(self._speak())]
            await judged
            self._release()
            await self._sounding.wait()
            if self._cut_s < inf:
                await asyncio.wait(making, timeout=self._cut_s)
                self._end(making)
        assert self.heard_at is not None
        await asyncio.sleep(min(self._lasts_s, self._cut_s) + self.heard_at - self._now)

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _run(self, works: Works, need: Need) -> None:
        await self._line.run(self._caller, works, self._now, need)

    async def _judge(self) -> None:
        await self._run(self._demand.judgement, Need.AWAITED)
        await asyncio.sleep(self.asked_at + self._demand.stop_s - self._now)

    def _end(self, making: Iterable[asyncio.Task[None]]) -> None:
        for task in making:
            task.cancel()
        for tag in (self._text_tag, self._voice_tag):
            self._line.cancel(self._caller, tag)

    def _release(self) -> None:
        """End the turn: the caller listens from now on."""
        self._released.set()
        if self._sounds:
            self._begin()
        self._reschedule()

    async def _write(self) -> None:
        """Write segment after segment; before the release only the first."""
        if self._reading is not None:
            self._line.reschedule(self._caller, self._demand.rereading, self._text_tag, *self._text_by())
            await self._reading.task
        for number, written in enumerate(self._written):
            works = self._demand.text if number else (*self._demand.prompt, *self._demand.first_text)
            if number:
                await self._released.wait()
            deadline, need = self._text_by()
            await self._line.run(self._caller, works, deadline, need, self._text_tag)
            written.set()
            self._unspoken += 1
            self._reschedule()

    async def _speak(self) -> None:
        """Speak what is written, piece by piece."""
        demand = self._demand
        for written in self._written:
            await written.wait()
            await self._voice(demand.voice)
            left_s = demand.segment_s
            while left_s > 0:
                works, length_s = demand.sound, demand.sound_s
                if not self._sounds:
                    works, length_s = demand.first_sound, demand.first_sound_s
                await self._voice(works)
                length_s = min(length_s, left_s)
                left_s -= length_s
                if left_s > 0:
                    self._play(length_s)
                else:
                    self._unspoken -= 1
                    self._play(length_s + demand.sentence_pause_s)

    async def _voice(self, works: Works) -> None:
        deadline, need = self._sound_by()
        await self._line.run(self._caller, works, deadline, need, self._voice_tag)

    def _play(self, seconds: float) -> None:
        self._sounds = True
        if self._released.is_set():
            heard_at = self._begin() if self.heard_at is None else self.heard_at
            silent_s = self._now - heard_at - self._lasts_s
            if silent_s > 0:
                self.broken |= silent_s > HEARD_SILENCE_S
                self._lasts_s += silent_s
        self._lasts_s += seconds
        self._reschedule()

    def _begin(self) -> float:
        self.heard_at = self._now
        self._sounding.set()
        return self.heard_at

    def _reschedule(self) -> None:
        """Move the deadlines: the playout has more to play, or the caller has begun to listen."""
        if self._released.is_set():
            line, demand = self._line, self._demand
            line.reschedule(self._caller, demand.text, self._text_tag, *self._text_by())
            line.reschedule(self._caller, demand.sound, self._voice_tag, *self._sound_by())

    def _sound_by(self) -> tuple[float, Need]:
        return self._by(max(self._now, self._dry_at - self._demand.sound_ahead_s), begun=self._sounds)

    def _text_by(self) -> tuple[float, Need]:
        demand = self._demand
        silent_at = self._dry_at - demand.sound_ahead_s + self._unspoken * demand.segment_s
        return self._by(max(self._now, silent_at - demand.text_ahead_s), begun=self._unspoken > 0 or self._sounds)

    def _by(self, deadline: float, *, begun: bool) -> tuple[float, Need]:
        if not self._released.is_set():
            return self._now + PREPARED_BY_S, Need.SPECULATIVE
        return deadline, Need.PROMISED if begun else Need.AWAITED

    @property
    def _dry_at(self) -> float:
        return self._now if self.heard_at is None else self.heard_at + self._lasts_s
