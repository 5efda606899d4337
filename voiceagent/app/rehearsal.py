"""A conversation in virtual time: scripted engines, imagined lanes, and a loopback door.

For testing one's own agent (its prompts, rules and tools) without models, sound or waiting, and for our own tests:

    async def main():
        talk = Rehearsal(load("scripted.yaml").settings)
        talk.open()
        await talk.speak(1.0)
        await talk.listen(5.0)
        assert "You said" in talk.said()

    run_virtual(main())
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceagent.app.conversation import conversation_config
from voiceagent.app.engines import lanes_of
from voiceagent.app.step_record import record
from voiceagent.config.settings import Settings
from voiceagent.doors.page.messages import Payload, payload
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.timing import SMALL_CPU, StepTimes
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.engines.turn.scripted.engine import ScriptedTurn
from voiceagent.engines.vad.scripted.engine import ScriptedVad
from voiceagent.scheduler.lane import VirtualLane
from voiceagent.scheduler.scheduler import Scheduler, Step
from voiceagent.session.coordinator import Engines, Session
from voiceagent.session.reports import Report
from voiceagent.session.turns import TurnLog
from voiceagent.tools.toolbox import Toolbox
from voiceagent.trace.metrics import Metrics
from voiceagent.trace.steps import StepLog
from voiceagent.trace.turn import TurnTrace

FRAME_S = 0.02
AUDIBLE = 0.01


@dataclass(frozen=True, slots=True)
class Sent:
    """A message to the page, and when it was sent."""

    at: float
    message: Payload


def scripted_engines(timing: StepTimes = SMALL_CPU, **scripts: Any) -> Engines:
    """Build scripted engines that cost virtual time only; `asr`, `llm`, `tts`, `vad`, `turn` replace one each."""
    real: dict[str, Any] = {"timing": timing, "sleep": lambda seconds: None}
    return Engines(
        asr=scripts.get("asr") or ScriptedAsr(**real),
        llm=scripts.get("llm") or ScriptedLlm(**real),
        tts=scripts.get("tts") or ScriptedTts(**real),
        vad=scripts.get("vad") or ScriptedVad(**real),
        turn=scripts["turn"] if "turn" in scripts else ScriptedTurn(**real),
    )


class Rehearsal:
    """One session on the running (virtual) event loop, and everything that came out of it."""

    def __init__(
        self,
        settings: Settings,
        engines: Engines | None = None,
        timing: StepTimes = SMALL_CPU,
        tools: Toolbox | None = None,
    ) -> None:
        self.engines = engines or scripted_engines(timing)
        self.sent: list[Sent] = []
        self.traces: list[TurnTrace] = []
        self.metrics = Metrics()
        self.steps = StepLog(steps_per_lane=256)
        self.agent_heard: list[tuple[float, bool]] = []
        """For each frame pulled: when, and whether the agent was audible in it."""
        self._loop = asyncio.get_running_loop()
        by_lane = lanes_of(self.engines)
        lanes = {name: VirtualLane(lambda batch: timing.cost_s(batch.cost_key)) for name in by_lane}
        self.scheduler = Scheduler(by_lane, lanes, concurrency=2, on_step=self._on_step)
        turns = TurnLog("rehearsal", self.steps, self.metrics, self.traces.append)
        self.session = Session(
            "rehearsal", self.engines, conversation_config(settings), turns, self._take, tools or Toolbox()
        )

    def open(self) -> None:
        """Connect."""
        self.session.open()

    async def listen(self, seconds: float) -> None:
        """Be silent for a while and hear the agent."""
        await self._pass(seconds, voiced=False)

    async def speak(self, seconds: float) -> None:
        """Make speech-like sound for a while."""
        await self._pass(seconds, voiced=True)

    def close(self) -> None:
        """Hang up."""
        self.session.close()
        self.scheduler.close()

    def messages(self, kind: str) -> list[Payload]:
        """Return the messages of one type, in order."""
        return [sent.message for sent in self.sent if sent.message["type"] == kind]

    def said(self) -> str:
        """Return all the words that were announced to be spoken."""
        return " ".join(word for message in self.messages("agent.segment") for word in message["words"])

    async def _pass(self, seconds: float, *, voiced: bool) -> None:
        for _ in range(round(seconds / FRAME_S)):
            self.session.hear(_voice() if voiced else np.zeros(round(SAMPLE_RATE * FRAME_S), np.float32))
            frame = self.session.pull()
            self.agent_heard.append((self._loop.time(), bool(np.abs(frame).max() > AUDIBLE)))
            await asyncio.sleep(FRAME_S)

    def _take(self, report: Report) -> None:
        if (message := payload(report)) is not None:
            self.sent.append(Sent(self._loop.time(), message))

    def _on_step(self, step: Step) -> None:
        self.steps.add(record(step))


def _voice() -> NDArray[np.float32]:
    t = np.arange(round(SAMPLE_RATE * FRAME_S)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * 150.0 * t)).astype(np.float32)
