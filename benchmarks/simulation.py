"""Many callers at once on a simulated device: real sessions, scheduler and policy, on the virtual clock.

Callers speak for one to four seconds, some with a hesitation in it; they listen, and some interrupt or say "mm-hm"
while the agent speaks. Steps take what the device's table says, and sometimes much longer. Measurements are taken at
the session's door: no network is included.
"""

import asyncio
from dataclasses import dataclass, field
from random import Random

from benchmarks.cost_tables import Device
from benchmarks.simulated_engines import System, engines
from voiceagent.engines.contract import Batch
from voiceagent.testing import Caller, Callers, run_virtual

FRAME_S = 0.02
LATE_SHARE, LATE_FACTOR = 0.01, 4.0
"""A step in a hundred takes four times as long: a page fault, another process, a clock that was changed."""
PATIENCE_S = 10.0
"""A caller without an answer speaks again."""
HESITATES, INTERRUPTS, AGREES = 0.2, 0.2, 0.15
"""Shares of turns: with a pause in mid-sentence, with a barge-in, with an "mm-hm" while the agent speaks."""
SETTINGS = (
    "session.greeting=''",
    "session.idle_s=0",
    "turn.engine=smart_turn",
    "llm.max_tokens=96",  # answers are as long as they are scripted
    "llm.session_tokens=1056",
)


@dataclass(slots=True)
class Heard:
    """What the callers of one run heard."""

    v2v_ms: list[float] = field(default_factory=list)
    """End of a question to the first sound of its answer."""
    silences_ms: list[float] = field(default_factory=list)
    """Silences inside answers, the pause between sentences not counted."""
    unanswered: int = 0


class Person:
    """A caller's behaviour: asks, waits, listens, interrupts or agrees, at random."""

    def __init__(self, caller: Caller, number: int, day: int = 0) -> None:
        self._caller = caller
        self._dice = Random(f"{day} {number}")
        self._loop = asyncio.get_running_loop()
        self._unanswered = 0
        self._ended_before = 0
        """How many responses had ended when the last question was asked."""

    async def talk(self, until: float) -> None:
        """Talk with the agent until a moment on the loop's clock."""
        await asyncio.sleep(self._dice.uniform(0.0, 3.0))
        self._caller.connects()
        while self._loop.time() < until:
            await self._ask()
            if await self._answer():
                await self._listen()
            else:
                self._unanswered += 1
        self._caller.hangs_up()

    def tell(self, heard: Heard) -> None:
        """Add what was heard."""
        heard.v2v_ms += [1000 * wait_s for wait_s in self._caller.ear.waits_s]
        heard.silences_ms += [1000 * silence_s for silence_s in self._caller.silences]
        heard.unanswered += self._unanswered

    async def _ask(self) -> None:
        caller, dice = self._caller, self._dice
        await caller.speaks(dice.uniform(0.8, 2.5))
        if dice.random() < HESITATES:
            await caller.listens(dice.uniform(0.3, 0.5))
            await caller.speaks(dice.uniform(0.8, 1.5))
        caller.ear.asked_at = self._loop.time()
        self._ended_before = caller.ear.ended

    async def _answer(self) -> bool:
        """Wait for the answer's first sound; return whether there was any."""
        ear, until = self._caller.ear, self._loop.time() + PATIENCE_S
        while ear.asked_at is not None and self._loop.time() < until:
            await self._caller.listens(FRAME_S)
        answered, ear.asked_at = ear.asked_at is None, None
        return answered

    async def _listen(self) -> None:
        caller, dice = self._caller, self._dice
        mood = dice.random()
        if mood < INTERRUPTS:
            await caller.listens(dice.uniform(1.0, 4.0))
            return
        if mood < INTERRUPTS + AGREES:
            await caller.listens(dice.uniform(1.0, 3.0))
            await caller.speaks(0.3)
        while caller.ear.ended == self._ended_before:
            await caller.listens(FRAME_S)
        await caller.listens(dice.uniform(0.5, 2.5))


def simulate(system: System, device: Device, callers: int, seconds: float, days: int = 1) -> Heard:
    """Let `callers` callers talk for `seconds` on each of some days, in virtual time. What they say, and when, differs
    by day; the same arguments give the same result."""
    heard = Heard()
    for day in range(days):
        run_virtual(_simulate(system, device, callers, seconds, day, heard))
    return heard


async def _simulate(system: System, device: Device, callers: int, seconds: float, day: int, heard: Heard) -> None:
    dice = Random(f"{day} {callers}")

    def step_s(batch: Batch) -> float:
        late = dice.random() < LATE_SHARE
        return device.table.cost_s(batch.cost_key) * (LATE_FACTOR if late else 1.0)

    preemptive = f"llm.preemptive={str(not system.hand_shake).lower()}"
    with Callers(
        "scripted.yaml",
        [*SETTINGS, preemptive],
        step_s=step_s,
        concurrency=device.concurrency,
        off_device=device.off_device,
        policy=system.policy(),
        **engines(system, device, callers),
    ) as line:
        people = [Person(line.call(connected=False), number, day) for number in range(callers)]
        await asyncio.gather(*(person.talk(seconds) for person in people))
        for person in people:
            person.tell(heard)
