"""Several callers of one house in virtual time: the engines and the scheduler are shared, as in a server."""

import asyncio
from collections.abc import Callable

import numpy as np

from voiceagent.app.conversation import conversation_config
from voiceagent.app.engines import lanes_of
from voiceagent.app.rehearsal import scripted_engines
from voiceagent.app.settings import load_settings
from voiceagent.app.step_record import record
from voiceagent.doors.page.messages import payload
from voiceagent.engines.contract import Batch
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.scheduler.lane import VirtualLane
from voiceagent.scheduler.scheduler import Scheduler
from voiceagent.session.coordinator import Session
from voiceagent.session.turns import TurnLog
from voiceagent.tools.toolbox import Toolbox
from voiceagent.trace.metrics import Metrics
from voiceagent.trace.steps import StepLog

REAL = {"timing": SMALL_CPU, "sleep": lambda seconds: None}
RATE = 16_000
TICK_S = 0.06
"""What is heard and pulled at once: three packets."""
AUDIBLE = 0.01
HANG_S = 30.0

VOICE = (0.3 * np.sin(2 * np.pi * 150.0 * np.arange(round(RATE * TICK_S)) / RATE)).astype(np.float32)
SILENCE = np.zeros_like(VOICE)


class Crowd:
    """One house. Must be made on the virtual event loop."""

    def __init__(self, *sets: str, greeting: str = "", **scripts):
        settings = ["session.idle_s=0", "turn.engine=smart_turn", f"session.greeting={greeting!r}", *sets]
        self.engines = scripted_engines(**scripts)
        self.metrics = Metrics()
        self.steps = StepLog(steps_per_lane=64)
        self.config = conversation_config(load_settings("scripted.yaml", settings).settings)
        by_lane = lanes_of(self.engines)
        lanes = {name: VirtualLane(self._cost_s) for name in by_lane}
        self.scheduler = Scheduler(by_lane, lanes, concurrency=2, on_step=self._on_step)
        self.calls = 0
        self.hangs: Callable[[Batch], bool] = lambda batch: False
        """Whether a step takes half a minute."""

    def call(self) -> "Call":
        """Connect somebody."""
        self.calls += 1
        return Call(self, f"caller {self.calls}")

    def count(self, name: str, **labels: str) -> float:
        """Return the value of a metric."""
        return self.metrics.registry.get_sample_value(f"voiceagent_{name}", labels) or 0.0

    def queued(self) -> int:
        """Return how many jobs wait in all engines together."""
        return sum(len(engine._jobs) for engine in lanes_of(self.engines).values())

    def troubles(self) -> set[str]:
        """Return the lanes that are not well."""
        return set(self.scheduler.troubles())

    def _cost_s(self, batch: Batch) -> float:
        return HANG_S if self.hangs(batch) else SMALL_CPU.cost_s(batch.cost_key)

    def _on_step(self, step) -> None:
        self.steps.add(record(step))
        self.metrics.observe_step(record(step))


class Call:
    """One caller: what was sent to them, and what they do."""

    def __init__(self, crowd: Crowd, name: str) -> None:
        self.sent = []
        self.traces = []
        self.audible = False
        """Whether the agent was heard in the last tick."""

        def ended(trace) -> None:
            crowd.metrics.observe_turn(trace)
            self.traces.append(trace)

        def report(report) -> None:
            if (message := payload(report)) is not None:
                self.sent.append(message)

        turns = TurnLog(name, crowd.steps, crowd.metrics, ended)
        self.session = Session(name, crowd.engines, crowd.config, turns, report, Toolbox())
        self.session.open()

    async def speak(self, seconds: float) -> None:
        """Make speech-like sound."""
        await self._pass(seconds, VOICE)

    async def listen(self, seconds: float) -> None:
        """Be silent."""
        await self._pass(seconds, SILENCE)

    def messages(self, kind: str) -> list:
        """Return the messages of one type."""
        return [message for message in self.sent if message["type"] == kind]

    def outcomes(self) -> list[str]:
        """Return how the responses ended."""
        return [message["outcome"] for message in self.messages("agent.end")]

    def said(self) -> str:
        """Return all the words that were announced to be spoken."""
        return " ".join(word for message in self.messages("agent.segment") for word in message["words"])

    async def _pass(self, seconds: float, pcm) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.session.hear(pcm)
            frames = [self.session.pull() for _ in range(3)]
            self.audible = bool(np.abs(frames).max() > AUDIBLE)
            assert np.isfinite(frames).all()
            await asyncio.sleep(TICK_S)
