"""Many callers at once on a device that is imagined: real sessions, scheduler and policy, on the virtual clock.

Callers speak for one to four seconds, some with a hesitation in it; they listen, and some interrupt or say "mm-hm"
while the agent speaks. Steps take what the device's table says, and now and then much longer. What is measured is
heard at the session's door: there is no network in it.
"""

import asyncio
from dataclasses import dataclass, field
from random import Random

import numpy as np

from benchmarks.cost_tables import Device
from benchmarks.simulated_engines import House, engines
from voiceagent.app.conversation import conversation_config
from voiceagent.app.engines import lanes_of
from voiceagent.app.settings import load_settings
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.contract import Batch
from voiceagent.scheduler.lane import VirtualLane
from voiceagent.scheduler.scheduler import Scheduler
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.session.config import ConversationConfig
from voiceagent.session.coordinator import Engines, Session
from voiceagent.session.reports import AgentPaused, AgentResumed, Report, ResponseEnded, WordHeard
from voiceagent.session.turns import TurnLog
from voiceagent.tools.toolbox import Toolbox
from voiceagent.trace.metrics import Metrics
from voiceagent.trace.steps import StepLog

FRAME_S = 0.02
AUDIBLE = 0.01
LATE_SHARE, LATE_FACTOR = 0.01, 4.0
"""A step in a hundred takes four times as long: a page fault, another process, a clock that was changed."""
HEARD_SILENCE_S = 0.1
"""A silence in mid-response counts from here on, beyond the pause that is meant to be between sentences."""
PATIENCE_S = 10.0
"""A caller without an answer speaks again."""
HESITATES, INTERRUPTS, AGREES = 0.2, 0.2, 0.15
"""Shares of turns: with a pause in mid-sentence, with a barge-in, with an "mm-hm" while the agent speaks."""
VOICE = (0.3 * np.sin(2 * np.pi * 150.0 * np.arange(round(SAMPLE_RATE * FRAME_S)) / SAMPLE_RATE)).astype(np.float32)
SILENCE = np.zeros_like(VOICE)


@dataclass(slots=True)
class Heard:
    """What the callers of one run heard."""

    v2v_ms: list[float] = field(default_factory=list)
    """End of a question to the first sound of its answer."""
    silences_ms: list[float] = field(default_factory=list)
    """Silences inside answers, the pause between sentences not counted."""
    unanswered: int = 0


class Caller:
    """One person on the line."""

    def __init__(
        self, number: int, house: Engines, rules: ConversationConfig, metrics: Metrics, heard: Heard, day: int = 0
    ) -> None:
        self._dice = Random(f"{day} {number}")
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._pause_s = rules.sentence_pause_s
        turns = TurnLog(str(number), StepLog(steps_per_lane=1), metrics, lambda trace: None)
        self._session = Session(str(number), house, rules, turns, self._on_report, Toolbox())
        self._asked_at: float | None = None
        self._silent_since: float | None = None
        self._speaking = self._paused = False
        """Whether the agent is in the midst of a response, and whether it has paused because of the caller."""
        self._ended = False

    async def talk(self, until: float) -> None:
        """Talk with the agent until a moment on the loop's clock."""
        await asyncio.sleep(self._dice.uniform(0.0, 3.0))
        self._session.open()
        while self._loop.time() < until:
            await self._ask()
            if await self._answer():
                await self._listen()
            else:
                self._heard.unanswered += 1
        self._session.close()

    async def _ask(self) -> None:
        await self._pass(self._dice.uniform(0.8, 2.5), voiced=True)
        if self._dice.random() < HESITATES:
            await self._pass(self._dice.uniform(0.3, 0.5), voiced=False)
            await self._pass(self._dice.uniform(0.8, 1.5), voiced=True)
        self._asked_at = self._loop.time()
        self._ended = False

    async def _answer(self) -> bool:
        """Wait for the answer's first sound; tell whether there was any."""
        assert self._asked_at is not None
        while self._asked_at is not None and self._loop.time() < self._asked_at + PATIENCE_S:
            await self._pass(FRAME_S, voiced=False)
        answered, self._asked_at = self._asked_at is None, None
        return answered

    async def _listen(self) -> None:
        mood = self._dice.random()
        if mood < INTERRUPTS:
            await self._pass(self._dice.uniform(1.0, 4.0), voiced=False)
            return
        if mood < INTERRUPTS + AGREES:
            await self._pass(self._dice.uniform(1.0, 3.0), voiced=False)
            await self._pass(0.3, voiced=True)
        while not self._ended:
            await self._pass(FRAME_S, voiced=False)
        await self._pass(self._dice.uniform(0.5, 2.5), voiced=False)

    async def _pass(self, seconds: float, *, voiced: bool) -> None:
        for _ in range(max(1, round(seconds / FRAME_S))):
            self._session.hear(VOICE if voiced else SILENCE)
            self._hear(bool(np.abs(self._session.pull()).max() > AUDIBLE))
            await asyncio.sleep(FRAME_S)

    def _hear(self, audible: bool) -> None:
        now = self._loop.time()
        if not audible:
            if self._silent_since is None and self._speaking and not self._paused:
                self._silent_since = now
            return
        if self._asked_at is not None:
            self._heard.v2v_ms.append((now - self._asked_at) * 1000)
            self._asked_at = None
        elif self._silent_since is not None:
            beyond_s = now - self._silent_since - self._pause_s
            if beyond_s > HEARD_SILENCE_S:
                self._heard.silences_ms.append(beyond_s * 1000)
        self._silent_since = None

    def _on_report(self, report: Report) -> None:
        match report:
            case WordHeard():
                self._speaking = True
            case AgentPaused():
                self._paused, self._silent_since = True, None
            case AgentResumed():
                self._paused = False
            case ResponseEnded():
                self._ended = True
                self._speaking = self._paused = False
                self._silent_since = None


def simulate(house: House, device: Device, callers: int, seconds: float, days: int = 1) -> Heard:
    """Let so many callers talk for so many seconds on each of some days, in virtual time. What they say, and when, is
    another every day; the same arguments give the same result."""
    heard = Heard()
    for day in range(days):
        run_virtual(_simulate(house, device, callers, seconds, day, heard))
    return heard


async def _simulate(house: House, device: Device, callers: int, seconds: float, day: int, heard: Heard) -> None:
    settings = load_settings(
        "scripted.yaml",
        [
            "session.greeting=''",
            "session.idle_s=0",
            "turn.engine=smart_turn",
            f"llm.preemptive={str(not house.hand_shake).lower()}",
        ],
    ).settings
    metrics = Metrics()
    group = engines(house, device, callers)
    by_lane = lanes_of(group)
    dice = Random(f"{day} {callers}")

    def cost_s(batch: Batch) -> float:
        late = dice.random() < LATE_SHARE
        return device.table.cost_s(batch.cost_key) * (LATE_FACTOR if late else 1.0)

    lanes = {name: VirtualLane(cost_s) for name in by_lane}
    scheduler = Scheduler(by_lane, lanes, device.concurrency, policy=house.policy(), off_device=device.off_device)
    people = [Caller(number, group, conversation_config(settings), metrics, heard, day) for number in range(callers)]
    await asyncio.gather(*(person.talk(seconds) for person in people))
    scheduler.close()
