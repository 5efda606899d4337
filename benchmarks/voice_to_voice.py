"""How long a caller waits for an answer, and what else makes a conversation good, measured at the listener.

A caller in a process of its own talks over WebRTC to `voiceagent serve`:

- questions: last speech sample sent -> first agent sample received, with the stages of the wait as the server saw them;
- the answers: gaps in them, silence between their segments, and whether they can be understood;
- barge-in: speech onset sent -> agent silent; coughs, which must not end an answer;
- the words that the agent understood, on a clean network and at 5 % loss, and how late lost packets make it hear.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from benchmarks import conversations as talk
from benchmarks import corpus, form
from benchmarks.caller import Caller
from benchmarks.line import CallerError, Line
from benchmarks.playback import Playback
from benchmarks.served import serving
from benchmarks.summary import TARGETS, stage_rows, summarise
from voiceagent.config import load
from voiceagent.errors import VoiceAgentError

NAME = "voice_to_voice"
LOSS = 0.05
LAG_EVERY_S = 0.2
QUICK_SETS = ("session.greeting=''",)
"""A quick run does not wait for greetings."""
CLOSING_S = 4.0
"""What a quick run keeps for stopping the server and writing."""
MOST_ERRORS = 2
"""So many things that did not happen in time end a kind of measurement: the call is in no state to go on."""
LONGEST_STEP_S = 8.0
"""What a quick run allows for the step that is under way when its time is up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    questions: int
    barge_ins: int
    coughs: int
    prompts: int
    quick: bool = False


FULL = Plan(questions=24, barge_ins=12, coughs=6, prompts=40)
QUICK = Plan(questions=3, barge_ins=1, coughs=1, prompts=2, quick=True)


@dataclass(slots=True)
class Run:
    """One run against one server: the plan, the time it may take, and what was measured so far."""

    url: str
    plan: Plan
    began: float
    """On the monotonic clock."""
    limit_s: float
    """Nothing is begun when this much time has passed."""
    greets: bool
    """Whether the agent begins the call."""
    samples: dict[str, list[Any]] = field(default_factory=dict)
    answers: list[talk.Spoken] = field(default_factory=list)
    _disturbed: int = 0

    async def all(self) -> None:
        """Do everything, in order of importance."""
        await self._questions()
        await self._disturbances()
        if not self.plan.quick:
            await self._prompts("prompts", 0.0)
        await self._prompts("prompts_loss5", LOSS)

    async def _questions(self) -> None:
        clips = corpus.questions(self.plan.questions)
        async with Caller(self.url) as caller:
            await self._begin(caller)

            async def one(clip: corpus.Clip) -> talk.Sample:
                sample, spoken = await talk.ask(caller, clip, whole=not self.plan.quick)
                if spoken is not None:
                    self.answers.append(spoken)
                return sample

            await self._each("questions", clips, one)
            self.samples["caller_late_ms"] = [round(caller.late_ms, 1)]

    async def _disturbances(self) -> None:
        """Disturb the agent, each time in a call of its own: a model of few parameters imitates its own cut answers."""
        interruptions = corpus.questions(self.plan.barge_ins) if self.plan.barge_ins else []
        voices = [clip.pcm for clip in corpus.questions(self.plan.coughs)] if self.plan.coughs else []
        coughs = [talk.make_cough(seed, None if seed % 2 else voice) for seed, voice in enumerate(voices)]
        await self._each("barge_ins", interruptions, partial(self._disturb, talk.barge_in))
        await self._each("coughs", coughs, partial(self._disturb, talk.cough_at))

    async def _disturb(self, how: Callable[[Line, Any, str], Awaitable[talk.Sample]], sound: Any) -> talk.Sample:
        request = talk.LONG_REQUESTS[self._disturbed % len(talk.LONG_REQUESTS)]
        self._disturbed += 1
        async with Caller(self.url) as caller:
            await self._begin(caller)
            return await how(caller, sound, request)

    async def _prompts(self, kind: str, loss: float) -> None:
        clips = corpus.prompts(self.plan.prompts)
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
            passed_s = time.monotonic() - self.began
            if passed_s > self.limit_s:
                form.progress(f"{kind}: no time left after {number - 1} of {len(items)}")
                return
            try:
                taken.append(await do(item))
            except CallerError as error:
                form.progress(f"{passed_s:4.0f} s  {kind} {number}/{len(items)}: {error}")
                errors.append({"kind": kind, "number": number, "error": str(error)})
                if len(errors) - before == MOST_ERRORS:
                    return
                continue
            shown = {key: value for key, value in taken[-1].items() if not isinstance(value, dict | list)}
            form.progress(f"{passed_s:4.0f} s  {kind} {number}/{len(items)}: {shown}")

    async def _watch_lag(self, caller: Caller, lags: list[float]) -> None:
        """Ask the server again and again how late it hears this caller."""
        first = caller.last("session")
        session = first.payload["session"] if first is not None else ""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as http:
            while True:
                await asyncio.sleep(LAG_EVERY_S)
                listed = (await http.get("/api/sessions")).json()["sessions"]
                lags += [round(one["receive"]["lag_ms"], 1) for one in listed if one["session"] == session]


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    began = time.monotonic()
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of them")
    line.add_argument("--url", help="measure a running server instead of starting one")
    options = line.parse_args(arguments)
    plan = QUICK if options.quick else FULL
    sets = [*options.set, *(QUICK_SETS if options.quick else ())]
    report = form.Report(NAME, form.command(NAME, arguments))
    with nullcontext(options.url) if options.url else serving(options.config, sets) as url:
        limit_s = form.QUICK_S - CLOSING_S - LONGEST_STEP_S if plan.quick else float("inf")
        run = Run(url, plan, began, limit_s, greets=not options.quick or options.url is not None)
        asyncio.run(run.all())
    report.samples = run.samples
    if run.answers:
        form.progress(f"listening again to {len(run.answers)} answers")
        report.samples["answers"] = Playback(load(options.config, sets).settings).judge(run.answers)
    report.summary = summarise(run.samples)
    if options.json:
        report.write(options.json)
    print(show(report))
    return 0


def show(report: form.Report) -> str:
    """Lay out the results for people."""
    summary = report.summary
    verdicts = {True: "met", False: "MISSED", None: "not measured"}
    targets = {target.key: target for target in TARGETS}
    stages = form.table(("stage, median ms", "from", "to", "takes"), stage_rows(report.samples))
    rows = []
    for key, value in summary.items():
        target = targets.get(key)
        goal = "" if target is None else f"{'>=' if target.at_least else '<='} {target.limit:g}"
        rows.append(
            (key, "-" if value is None else value, goal, "" if target is None else verdicts[target.met(summary)])
        )
    return f"\n{stages}\n\n{form.table(('measured', 'value', 'target', ''), rows)}"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
