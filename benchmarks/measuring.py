"""What is measured in a run of the voice-to-voice benchmark, in which order, and for how long."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks import conversations as talk
from benchmarks import corpus, form
from benchmarks.hesitant_clips import hesitant_clips
from voiceagent.testing.sound import make_cough
from voiceagent.testing.webrtc.caller import Caller
from voiceagent.testing.webrtc.line import CallerError, Line

LOSS = 0.05
LAG_EVERY_S = 0.2
MOST_ERRORS = 2
"""This many timeouts end a kind of measurement: the call is in no state to go on."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    questions: int
    barge_ins: int
    coughs: int
    prompts: int
    pauses: int
    """Utterances in which the speaker pauses."""
    longest_s: float = corpus.LONGEST_S
    """Of what is said."""
    quick: bool = False
    """Answers are not heard to their end, and nothing is dictated over a clean network."""


FULL = Plan(questions=24, barge_ins=12, coughs=6, prompts=40, pauses=24)
QUICK = Plan(questions=3, barge_ins=1, coughs=1, prompts=2, pauses=1, longest_s=2.5, quick=True)


@dataclass(slots=True)
class Run:
    """One run against one server: the plan, the time it may take, and what was measured so far."""

    url: str
    plan: Plan
    limit_s: float | None = None
    """What is under way after this time is broken off."""
    greets: bool = True
    """Whether the agent begins the call."""
    samples: dict[str, list[Any]] = field(default_factory=dict)
    answers: list[talk.Spoken] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _disturbed: int = 0

    async def all(self) -> None:
        """Do everything, in order of importance."""
        try:
            async with asyncio.timeout(self.limit_s):
                await self._all()
        except TimeoutError:
            form.progress("Time is up; what was measured so far counts.")

    async def _all(self) -> None:
        await self._questions()
        await self._pauses()
        await self._disturbances()
        if not self.plan.quick:
            await self._prompts("prompts", 0.0)
        await self._prompts("prompts_loss5", LOSS)

    async def _questions(self) -> None:
        clips = corpus.questions(self.plan.questions, self.plan.longest_s)
        async with Caller(self.url) as caller:
            await self._begin(caller)

            async def one(clip: corpus.Clip) -> talk.Sample:
                sample, spoken = await talk.ask(caller, clip, whole=not self.plan.quick)
                if spoken is not None:
                    self.answers.append(spoken)
                return sample

            await self._each("questions", clips, one)

    async def _pauses(self) -> None:
        if not self.plan.pauses:
            return
        clips = hesitant_clips(self.plan.pauses, self.plan.longest_s)
        async with Caller(self.url) as caller:
            await self._begin(caller)
            await self._each("pauses", clips, lambda clip: talk.hesitate(caller, clip))

    async def _disturbances(self) -> None:
        """Disturb the agent, each time in a call of its own: a model of few parameters imitates its own cut answers."""
        interruptions = corpus.questions(self.plan.barge_ins, self.plan.longest_s)
        voices = [clip.pcm for clip in corpus.questions(self.plan.coughs, self.plan.longest_s)]
        coughs = [make_cough(seed, None if seed % 2 else voice) for seed, voice in enumerate(voices)]
        await self._each("barge_ins", interruptions, partial(self._disturb, talk.barge_in))
        await self._each("coughs", coughs, partial(self._disturb, talk.cough_at))

    async def _disturb(self, how: Callable[[Line, Any, str], Awaitable[talk.Sample]], sound: Any) -> talk.Sample:
        request = talk.LONG_REQUESTS[self._disturbed % len(talk.LONG_REQUESTS)]
        self._disturbed += 1
        async with Caller(self.url) as caller:
            await self._begin(caller)
            return await how(caller, sound, request)

    async def _prompts(self, kind: str, loss: float) -> None:
        if not self.plan.prompts:
            return
        clips = corpus.prompts(self.plan.prompts, self.plan.longest_s)
        async with Caller(self.url, loss=loss) as caller:
            await self._begin(caller)
            watch = asyncio.create_task(self._watch_lag(caller, self.samples.setdefault(f"{kind}_lag_ms", [])))
            try:
                await self._each(kind, clips, lambda clip: talk.dictate(caller, clip))
            finally:
                watch.cancel()
                self.samples[f"{kind}_packets"] = [{"sent": caller.sent, "dropped": caller.dropped}]

    async def _begin(self, caller: Caller) -> None:
        if self.greets:
            await talk.greeted(caller)

    async def _each(self, kind: str, items: Sequence[Any], do: Callable[[Any], Awaitable[talk.Sample]]) -> None:
        taken, errors = self.samples.setdefault(kind, []), self.samples.setdefault("errors", [])
        before = len(errors)
        for number, item in enumerate(items, 1):
            shown: object
            try:
                taken.append(await do(item))
                shown = {key: value for key, value in taken[-1].items() if not isinstance(value, dict | list)}
            except CallerError as error:
                errors.append({"kind": kind, "number": number, "error": str(error)})
                shown = error
            form.progress(f"{time.monotonic() - self.began:4.0f} s  {kind} {number}/{len(items)}: {shown}")
            if len(errors) - before == MOST_ERRORS:
                return

    async def _watch_lag(self, caller: Caller, lags: list[float]) -> None:
        """Poll the server for how late it hears this caller."""
        while True:
            await asyncio.sleep(LAG_EVERY_S)
            lags.append(round((await caller.description())["receive"]["lag_ms"], 1))
