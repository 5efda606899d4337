"""Several callers of one agent in virtual time: they share its engines, its scheduler and its tools, as in a server.

with Callers("spark.yaml", costs=table, concurrency=1, off_device={"vad", "turn"}) as callers:
    anna, bert = callers.call(), callers.call()
    await asyncio.gather(anna.says("tell me a story"), bert.says("what is the time"))
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, Unpack
from weakref import WeakKeyDictionary

from voiceagent.app.agent import Agent
from voiceagent.app.concerned import Sessions, concerned
from voiceagent.app.conversation import conversation_config
from voiceagent.app.engines import lanes_of
from voiceagent.app.settings import load_settings
from voiceagent.app.step_record import record
from voiceagent.config.settings import Settings, TurnDetectorSettings
from voiceagent.engines.contract import Batch
from voiceagent.engines.timing import SMALL_CPU, StepTimes
from voiceagent.scheduler.lane import VirtualLane
from voiceagent.scheduler.policy import Policy, decide
from voiceagent.scheduler.scheduler import Scheduler, Step
from voiceagent.session.reports import Report
from voiceagent.session.snapshot import Snapshot
from voiceagent.testing.caller import FRAME_S, Caller
from voiceagent.testing.scripts import Scripts, scripted_engines
from voiceagent.testing.tools import virtual_tool
from voiceagent.tools import Toolbox
from voiceagent.tools.contract import Tool
from voiceagent.tools.function import find_function
from voiceagent.trace.metrics import Metrics
from voiceagent.trace.steps import StepLog

STEPS_PER_LANE = 256


class Callers:
    """One agent on a simulated device, and its callers. As a context manager it closes at the end.

    `agent` is an Agent, or a configuration (its name, path, or settings), the latter with `sets` such as
    `session.idle_s=0` over it. Its models are replaced by scripted engines. Its tools must not wait in real time,
    and MCP servers are left out: give functions of the same name in their place. An Agent's
    handlers of events are called; those that are ordinary functions run in real threads.

    A step takes what `costs` gives for its key, or `step_s` for its batch; `concurrency` steps run at once, those of
    lanes `off_device` in addition. `frame_s` as for Caller.
    """

    def __init__(
        self,
        agent: str | Path | Settings | Agent = "scripted.yaml",
        sets: Sequence[str] = (),
        *,
        tools: Iterable[Tool | Callable[..., Any]] = (),
        costs: StepTimes = SMALL_CPU,
        step_s: Callable[[Batch], float] | None = None,
        concurrency: int = 2,
        off_device: Collection[str] = (),
        policy: Policy = decide,
        frame_s: float = FRAME_S,
        **scripts: Unpack[Scripts],
    ) -> None:
        settings = _settings(agent, sets)
        if not isinstance(settings.turn, TurnDetectorSettings):
            scripts.setdefault("turn", None)
        functions = agent.functions if isinstance(agent, Agent) else map(find_function, settings.tools)
        self.config = conversation_config(settings)
        self.engines = scripted_engines(costs, **scripts)
        self.metrics = Metrics()
        self.steps = StepLog(STEPS_PER_LANE)
        self.tools = Toolbox(
            map(virtual_tool, (*functions, *tools)),
            timeout_s=settings.session.tool_timeout_s,
            on_ended=self.metrics.observe_tool,
        )
        self._frame_s = frame_s
        self._events = agent.events if isinstance(agent, Agent) else None
        self._calls = 0
        self._sessions: Sessions = WeakKeyDictionary()
        takes_s = step_s or (lambda batch: costs.cost_s(batch.cost_key))
        by_lane = lanes_of(self.engines)
        lanes = {name: VirtualLane(takes_s) for name in by_lane}
        self.scheduler = Scheduler(
            by_lane,
            lanes,
            concurrency,
            on_step=self._on_step,
            policy=policy,
            off_device=off_device,
            concerns=partial(concerned, self._sessions),
        )

    def call(
        self,
        name: str | None = None,
        *,
        connected: bool = True,
        on_report: Callable[[Report], None] | None = None,
        past: Snapshot | None = None,
    ) -> Caller:
        """Return a new caller, connected unless `connected` is false.

        `on_report` gets each report as it comes; `past` is a session to go on with. Call it on the event loop.
        """
        self._calls += 1
        report = on_report
        if self._events is not None:
            events = self._events

            def report(what: Report) -> None:
                if on_report is not None:
                    on_report(what)
                events.report(caller.session, what)

        caller = Caller(
            name or f"caller {self._calls}",
            self.engines,
            self.config,
            tools=self.tools,
            metrics=self.metrics,
            steps=self.steps,
            frame_s=self._frame_s,
            on_report=report,
            past=past,
        )
        self._sessions[caller.session] = None
        if connected:
            caller.connects()
        return caller

    def close(self) -> None:
        """End everything: no step begins any more, and tools under way are cancelled."""
        self.scheduler.close()
        self.tools.close()
        if self._events is not None:
            self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _on_step(self, step: Step) -> None:
        seen = record(step)
        self.steps.add(seen)
        self.metrics.observe_step(seen)


def _settings(agent: str | Path | Settings | Agent, sets: Sequence[str]) -> Settings:
    match agent:
        case Agent():
            return agent.settings
        case Settings():
            return agent
    return load_settings(agent, sets).settings
