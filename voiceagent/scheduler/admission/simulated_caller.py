"""A typical simulated caller: what they ask of the lanes, and when. No words, no sound.

Callers speak, wait, listen and think. Some hesitate mid-question, so that an answer begins too early; some interrupt.
"""

import asyncio
from collections.abc import Iterator
from math import inf
from random import Random

from voiceagent.engines.contract import Need
from voiceagent.engines.steps import Listening
from voiceagent.scheduler.admission.simulated_answer import Answer, Reading
from voiceagent.scheduler.admission.simulated_lanes import SimulatedLanes

SPEECH_S, THOUGHT_S = (1.0, 3.5), (0.5, 2.5)
"""How long a caller speaks, and is silent between an answer and the next question."""
SEGMENTS = (1, 1, 1, 2, 2, 2, 2, 3, 3, 6)
"""The segments of an answer, each number as often as it occurs here: most are short, as prompts ask for."""
HESITATES, INTERRUPTS = 0.2, 0.2
"""Shares of questions; the caller then goes on speaking at once."""
TOO_EARLY_S, INTERRUPTED_S = 0.2, (1.0, 4.0)
"""How much of the answer is heard in each case."""
READ_BY_S = 60.0
"""Reading that no caller waits for comes after all other guesses; only the order matters."""


class Caller:
    """One caller."""

    def __init__(self, number: int, line: SimulatedLanes) -> None:
        self.answers: list[Answer] = []
        self._line = line
        self._number = number
        self._dice = Random(number)
        self._speaking = False

    async def talk(self) -> None:
        """Talk until cancelled."""
        await asyncio.sleep(self._dice.uniform(0.0, SPEECH_S[1] + THOUGHT_S[1]))
        async with asyncio.TaskGroup() as group:
            for listening in filter(self._line.matters, self._line.demand.listening):
                group.create_task(self._be_heard(listening))
            reading = None
            while True:
                self._speaking = True
                await asyncio.sleep(self._dice.uniform(*SPEECH_S))
                self._speaking = False
                hesitates, interrupts = self._dice.random() < HESITATES, self._dice.random() < INTERRUPTS
                cut_s = TOO_EARLY_S if hesitates else self._dice.uniform(*INTERRUPTED_S) if interrupts else inf
                segments = self._dice.choice(SEGMENTS)
                self.answers.append(Answer(self._line, self._number, segments, cut_s, reading))
                await self.answers[-1].run()
                reading = self._reread(group) if self._has_outgrown() else None
                if cut_s == inf:
                    await asyncio.sleep(self._dice.uniform(*THOUGHT_S))

    def waits_s(self) -> Iterator[float]:
        """Return how long the caller waited for each answer, so far where there is none yet."""
        now = asyncio.get_running_loop().time()
        for answer in self.answers:
            yield (now if answer.heard_at is None else answer.heard_at) - answer.asked_at

    def _has_outgrown(self) -> bool:
        """Return whether the conversation has outgrown the context; callers reach that at different times."""
        demand = self._line.demand
        return bool(demand.rereading) and (len(self.answers) + self._number) % demand.reread_every == 0

    def _reread(self, group: asyncio.TaskGroup) -> Reading:
        tag, by = self._line.tag(), asyncio.get_running_loop().time() + READ_BY_S
        reading = self._line.run(self._number, self._line.demand.rereading, by, Need.SPECULATIVE, tag)
        return Reading(tag, group.create_task(reading))

    async def _be_heard(self, listening: Listening) -> None:
        """Ask for the steps of listening, one after the other, catching up after delays."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += listening.every_s
            await asyncio.sleep(due - loop.time())
            if self._speaking or listening.always:
                await self._line.run(self._number, listening.works, due + listening.every_s, listening.need)
