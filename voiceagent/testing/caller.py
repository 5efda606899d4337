"""One user who talks with the agent: what they say and do, and everything that results.

Everything they do takes time on the event loop's clock: sound goes in and out by frames, as at a door.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeVar

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.errors import VoiceAgentError
from voiceagent.session.config import ConversationConfig
from voiceagent.session.coordinator import Session
from voiceagent.session.engines import Engines
from voiceagent.session.reports import Report
from voiceagent.session.snapshot import Snapshot
from voiceagent.session.state import User
from voiceagent.session.turns import TurnLog
from voiceagent.testing.ear import Ear, Sound
from voiceagent.testing.sound import silence, voice
from voiceagent.tools.toolbox import Toolbox
from voiceagent.trace.metrics import Metrics
from voiceagent.trace.steps import StepLog
from voiceagent.trace.turn import TurnTrace

FRAME_S = 0.02
"""The default amount of audio heard and pulled at once."""
PULLED_S = 0.02
"""The length of audio that `Session.pull` returns."""
ANSWER_WITHIN_S = 300.0
"""An agent that has not finished by then will not: waiting for it raises an error."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Reported:
    """A report of the session, and when it came, in seconds on the event loop's clock."""

    at: float
    report: Report


class Caller:
    """One session at a loopback door. `frame_s` is a multiple of 20 ms: more is faster, and coarser.

    `open_session` opens it elsewhere, as a running agent does, which keeps its own `turns`. With a `past` session
    (`Session.snapshot`) it goes on with that.
    """

    def __init__(
        self,
        name: str,
        engines: Engines,
        config: ConversationConfig,
        *,
        tools: Toolbox | None = None,
        metrics: Metrics | None = None,
        steps: StepLog | None = None,
        frame_s: float = FRAME_S,
        on_report: Callable[[Report], None] | None = None,
        past: Snapshot | None = None,
        open_session: Callable[[Callable[[Report], None], ConversationConfig], Session] | None = None,
    ) -> None:
        self.reports: list[Reported] = []
        """Everything the session reported, in order."""
        self.turns: list[TurnTrace] = []
        """The records of the turns that are over."""
        self.ear = Ear(frame_s, config.sentence_pause_s)
        self._asr: Any = engines.asr
        self._loop = asyncio.get_running_loop()
        self._frame_s = frame_s
        self._voice, self._silence = voice(frame_s), silence(frame_s)
        self._metrics = metrics or Metrics()
        self._also_report = on_report
        turns = TurnLog(name, steps or StepLog(steps_per_lane=1), self._metrics, self._on_turn)
        if open_session is not None:
            self.session = open_session(self._on_report, config)
        else:
            self.session = Session(name, engines, config, turns, self._on_report, tools or Toolbox(), past=past)

    # What the agent says

    @property
    def heard(self) -> str:
        """What has been heard of the agent so far, to the word, as it is spoken: "21" is "twenty-one".

        As the model wrote it, it is in `turns`.
        """
        return self.ear.heard

    @property
    def said(self) -> str:
        """All that the agent was about to say, whether it was heard or interrupted."""
        return self.ear.said

    @property
    def sounds(self) -> list[Sound]:
        """When the agent could be heard."""
        return self.ear.sounds

    @property
    def silences(self) -> list[float]:
        """Seconds of each silence in mid-response, beyond the pause that is meant to be between sentences."""
        return self.ear.silences_s

    @property
    def silent_s(self) -> float:
        """Seconds since the agent's last sound, or since time 0."""
        return self._loop.time() - (self.sounds[-1].end if self.sounds else 0.0)

    def of(self, kind: type[R]) -> list[R]:
        """Return the reports of one type, in order."""
        return [reported.report for reported in self.reports if isinstance(reported.report, kind)]

    def clear(self) -> None:
        """Forget what came so far, for long runs."""
        self.reports.clear()
        self.turns.clear()
        self.ear.clear()

    # What the caller does

    def connects(self) -> None:
        """Begin: the agent may greet."""
        self.session.open()

    def hangs_up(self) -> None:
        """End the session. Safe to call twice."""
        self.session.close()

    async def says(self, text: str, *, wait: float | None = None) -> None:
        """Say something once the agent has finished, and hear the answer out, or `wait` seconds of it.

        The recogniser hears exactly these words, at its own pace. With a short `wait`, what is said next may go on in
        the same turn. Raises VoiceAgentError for an agent that does not finish.
        """
        await self._until(lambda: not self._agent_responds, "finished before the caller spoke")
        await self._say(text, wait)

    async def interrupts(self, text: str, *, after_s: float = 1.0, wait: float | None = None) -> None:
        """Let the agent speak for `after_s` seconds, then interrupt it, and hear the answer out as `says` does.

        Raises VoiceAgentError for an agent that does not begin, or has finished by then.
        """
        await self._until(lambda: self.ear.audible, "begun to speak")
        await self.listens(after_s)
        if not self._agent_responds:
            raise VoiceAgentError(
                f"The agent had finished before the caller said {text!r}: interrupt it sooner, or let it say more."
            )
        await self._say(text, wait)

    async def types(self, text: str, *, wait: float | None = None) -> None:
        """Write something, which interrupts the agent, and hear the answer out, or `wait` seconds of it."""
        self.session.type(text)
        await self._hear_out(wait)

    async def speaks(self, seconds: float) -> None:
        """Make a speech-like sound without given words: the recogniser's script has them, or it is a cough."""
        await self._pass(seconds, voiced=True)

    async def listens(self, seconds: float) -> None:
        """Be silent for a while."""
        await self._pass(seconds, voiced=False)

    async def utters(self, text: str) -> None:
        """Say something now, even while the agent speaks, and do not wait for anything. Raises as `says` does."""
        if not hasattr(self._asr, "say"):
            raise VoiceAgentError(
                f"Only a scripted recogniser can be given words, and this is {type(self._asr).__name__}: "
                "leave out `asr`, or make a sound without words of its own (`speaks`)."
            )
        number = dict(self.session.streams)["asr"]
        frames = self._asr.say(number, text) / self._frame_s
        await self.speaks(ceil(frames - 1e-6) * self._frame_s)

    def knows_words(self) -> None:
        """From now on, a sound without given words is none of the recogniser's script, but a cough."""
        self._asr.say(dict(self.session.streams)["asr"], "")

    async def plays(self, pcm: Pcm) -> None:
        """Send a sound, 16 kHz mono; its last frame is filled up with silence."""
        size = len(self._silence)
        for frame in np.concatenate([pcm, np.zeros(-len(pcm) % size, np.float32)]).reshape(-1, size):
            await self._exchange(frame)

    # Inside

    @property
    def at_rest(self) -> bool:
        """Whether nobody speaks and no answer is being made, or the session is over."""
        state = self.session.state
        return state.closed or (state.user is User.SILENT and state.response is None)

    @property
    def _agent_responds(self) -> bool:
        response = self.session.state.response
        return response is not None and response.released

    async def _say(self, text: str, wait: float | None) -> None:
        await self.utters(text)
        self.ear.asked_at = self._loop.time()
        await self._hear_out(wait)

    async def _hear_out(self, wait: float | None) -> None:
        if wait is None:
            await self._until(lambda: self.at_rest, "finished its answer")
        else:
            await self.listens(wait)

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        give_up_at = self._loop.time() + ANSWER_WITHIN_S
        while not condition():
            if self._loop.time() > give_up_at:
                raise VoiceAgentError(f"The agent has not {what}, within {ANSWER_WITHIN_S:g} s.")
            await self.listens(self._frame_s)

    async def _pass(self, seconds: float, *, voiced: bool) -> None:
        for _ in range(round(seconds / self._frame_s)):
            await self._exchange(self._voice if voiced else self._silence)

    async def _exchange(self, frame: Pcm) -> None:
        """Say a frame and hear one."""
        self.session.hear(frame)
        pulled = [self.session.pull() for _ in range(round(self._frame_s / PULLED_S))]
        self.ear.hear(pulled[0] if len(pulled) == 1 else np.concatenate(pulled), self._loop.time())
        await self._await_frame()

    async def _await_frame(self) -> None:
        """Wait until the next frame is due."""
        await asyncio.sleep(self._frame_s)

    def _on_report(self, report: Report) -> None:
        self.reports.append(Reported(self._loop.time(), report))
        self.ear.take(report)
        if self._also_report is not None:
            self._also_report(report)

    def _on_turn(self, trace: TurnTrace) -> None:
        self._metrics.observe_turn(trace)
        self.turns.append(trace)
