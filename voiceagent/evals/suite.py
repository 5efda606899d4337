"""Runs scenarios: with scripted engines in virtual time, with the agent's own in real time, or through a door."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from voiceagent.app.agent import Agent
from voiceagent.app.settings import load_settings
from voiceagent.config.errors import ConfigError, Problem
from voiceagent.config.origins import SET_OPTION
from voiceagent.config.settings import Settings
from voiceagent.errors import VoiceAgentError
from voiceagent.evals.caller import InProcess, User
from voiceagent.evals.check import Engines, Finding, check
from voiceagent.evals.conversation import hold
from voiceagent.evals.files import ScenarioError, Written
from voiceagent.evals.judge import AgentJudge, Judge, judged
from voiceagent.evals.record import Record
from voiceagent.evals.scenario import Scenario
from voiceagent.evals.spoken import spoken_user
from voiceagent.evals.stand_ins import scripted_replies, scripted_tool
from voiceagent.evals.utterance import Utterances
from voiceagent.evals.voice import speak
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.testing.callers import Callers
from voiceagent.testing.live import LiveCaller
from voiceagent.tools.contract import Tool
from voiceagent.tools.function import find_function

CONFIG = "cpu.yaml"
"""The configuration of scenarios that name none: that of `voiceagent serve`."""
AGENT = "agent"
"""The judge that is the agent's own language model."""


@dataclass(frozen=True, slots=True)
class Run:
    """How scenarios are run."""

    config: str | Path | None = None
    """The agent's configuration; None: each scenario's."""
    sets: tuple[str, ...] = ()
    """Settings over it."""
    real: bool = False
    """Whether the agent's own models run, in real time, instead of scripted ones."""
    url: str | None = None
    """A server that is called, in place of an agent in this process."""
    repeat: int = 1
    seed: int = 0
    """What decides how repetitions differ; the first is as it is written."""
    sound: bool = False
    """Whether the conversations are recorded."""
    judge: Judge | str | None = None
    """A judge, or AGENT."""

    @property
    def engines(self) -> Engines:
        """Which expectations count."""
        return "real" if self.real or self.url is not None else "scripted"


@dataclass(slots=True)
class Result:
    """One run of one scenario."""

    written: Written
    number: int
    """Which repetition it is, from 1."""
    record: Record
    findings: Sequence[Finding]
    seconds: float
    """How long it took on the wall clock."""
    skipped: str | None = None
    """Why it was not run."""

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.written.scenario.name

    @property
    def passed(self) -> bool:
        """Whether every expectation that was looked at is met."""
        return not self.failures

    @property
    def failures(self) -> list[str]:
        """What is wrong, with the place of each expectation."""
        return [f"{self.written.place(one.loc)}: {_key(one)}{one.failure}" for one in self.findings if one.failure]

    @property
    def notes(self) -> list[str]:
        """What was not looked at, and why."""
        return [f"{self.written.place(one.loc)}: {_key(one)}{one.note}" for one in self.findings if one.note]


def evaluate(
    scenarios: Iterable[Written], run: Run | None = None, on_result: Callable[[Result], None] = lambda result: None
) -> list[Result]:
    """Run every scenario as often as it is asked for; `on_result` gets each result as it comes.

    Raises ScenarioError with every mistake in the settings that scenarios name, before the first one is run, and
    VoiceAgentError where an agent, a server or a judge cannot be had at all.
    """
    run = run or Run()
    if run.judge == AGENT and not run.real:
        raise VoiceAgentError("The agent's own model judges only where it runs: add --real, or name a judge's address.")
    plan = [(written, number) for written in scenarios for number in range(1, run.repeat + 1)]
    if run.url is None:
        _require_settings([written for written, number in plan if number == 1], run)
    results: list[Result] = []

    def done(result: Result) -> None:
        results.append(result)
        on_result(result)

    if run.engines == "real":
        asyncio.run(_in_real_time(plan, run, done))
    else:
        for written, number in plan:
            done(_timed(written, number, run, lambda user: run_virtual(user)))
    return results


def _timed(written: Written, number: int, run: Run, running: Callable[[Coroutine[Any, Any, Record]], Record]) -> Result:
    if (why := _unfit(written.scenario, run)) is not None:
        return Result(written, number, Record(), (), 0.0, why)
    begun = time.monotonic()
    settings = _settings(written.scenario, run)
    record = running(_virtual(written, settings, run, number))
    findings = check(written.scenario, record, "scripted", settings.session.language)
    judge = run.judge if not isinstance(run.judge, str) else None
    findings += asyncio.run(judged(written.scenario, record, judge))
    return Result(written, number, record, findings, time.monotonic() - begun)


async def _in_real_time(plan: Sequence[tuple[Written, int]], run: Run, done: Callable[[Result], None]) -> None:
    agents = _Agents(run)
    try:
        for written, number in plan:
            if (why := _unfit(written.scenario, run)) is not None:
                done(Result(written, number, Record(), (), 0.0, why))
                continue
            begun = time.monotonic()
            judge, language = run.judge, "en"
            connection: AbstractAsyncContextManager[User]
            if run.url is not None:
                connection = spoken_user(run.url, run.sound)
            else:
                agent = await agents.get(written.scenario)
                language = agent.settings.session.language
                connection = _live_user(agent, written.scenario, run)
                judge = AgentJudge(agent) if judge == AGENT else judge
            async with connection as user:
                await hold(written.scenario, user, _utterances(written, run, number, scripted=False))
            findings = check(written.scenario, user.record, "real", language)
            findings += await judged(written.scenario, user.record, None if isinstance(judge, str) else judge)
            done(Result(written, number, user.record, findings, time.monotonic() - begun))
    finally:
        agents.close()


async def _virtual(written: Written, settings: Settings, run: Run, number: int) -> Record:
    scenario = written.scenario
    tools: list[Tool | Callable[..., Any]] = [*map(find_function, scenario.functions)]
    tools += map(scripted_tool, scenario.tools)
    scripts: dict[str, Any] = {"llm": scripted_replies(scenario.script.replies)}
    if scenario.script.turn:
        scripts["turn"] = list(scenario.script.turn)
    with Callers(settings, tools=tools, **scripts) as callers:
        user = InProcess(scripted=True, sound=run.sound)
        user.connect(callers.call("user", connected=False, on_report=user.take), scenario.before)
        await hold(scenario, user, _utterances(written, run, number, scripted=True))
    await asyncio.sleep(0)  # tools that were cancelled end
    return user.record


@asynccontextmanager
async def _live_user(agent: Agent, scenario: Scenario, run: Run) -> AsyncIterator[User]:
    user = InProcess(scripted=False, sound=run.sound)
    config = replace(agent.config, tools=(*agent.tools, *map(scripted_tool, scenario.tools)))
    caller = LiveCaller("user", agent.engines, config, on_report=user.take, open_session=agent.open_session)
    user.connect(caller, scenario.before)
    try:
        yield user
    finally:
        caller.hangs_up()


class _Agents:
    """The agents that scenarios want, one at a time: those that follow each other with the same settings share one."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._wanted: tuple[Settings, tuple[str, ...]] | None = None
        self._agent: Agent | None = None

    async def get(self, scenario: Scenario) -> Agent:
        """Return a loaded agent. Raises VoiceAgentError where its models cannot be loaded."""
        wanted = _settings(scenario, self._run), scenario.functions
        if self._agent is None or wanted != self._wanted:
            self.close()
            self._agent = Agent(wanted[0], tools=map(find_function, scenario.functions))
            self._wanted = wanted
            await self._agent.start()
        return self._agent

    def close(self) -> None:
        """Free the models."""
        if self._agent is not None:
            self._agent.close()
        self._agent = None


def _settings(scenario: Scenario, run: Run) -> Settings:
    own = tuple(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in scenario.set.items()
    )
    return load_settings(run.config or scenario.config or CONFIG, (*own, *run.sets)).settings


def _require_settings(scenarios: Sequence[Written], run: Run) -> None:
    """Raise ScenarioError where what a scenario sets is no setting, or not possible."""
    problems: list[Problem] = []
    for written in scenarios:
        try:
            _settings(written.scenario, run)
        except ConfigError as error:
            for problem in error.problems:
                if problem.origin == SET_OPTION and problem.key in written.scenario.set:
                    problem = replace(problem, origin=written.tree.at(("set", problem.key)).origin)
                problems.append(problem)
    if problems:
        raise ScenarioError(list(dict.fromkeys(problems)))


def _utterances(written: Written, run: Run, number: int, *, scripted: bool) -> Utterances:
    seed = None if number == 1 else f"{run.seed} {written.scenario.name} {number}"
    return Utterances(written.folder, None if scripted else speak, seed)


def _unfit(scenario: Scenario, run: Run) -> str | None:
    """Return why a scenario cannot be run that way."""
    if scenario.only not in (None, run.engines):
        return f"is for {scenario.only} engines"
    if run.url is not None:
        if scenario.before:
            return "needs a conversation before this one, which no caller can bring along"
        if scenario.tools:
            return "brings tools of its own, which a running server does not take"
    return None


def _key(finding: Finding) -> str:
    named = [str(part) for part in finding.loc if isinstance(part, str)]
    return f"{named[-1]}: " if named else ""
