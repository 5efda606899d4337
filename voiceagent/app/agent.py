"""The agent: settings become engines, engines a scheduler, and the scheduler sessions.

agent = Agent("cpu.yaml", system_prompt="You are Robin, a cheerful guide.", tools=[weather])
agent.serve()
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import nan
from pathlib import Path
from time import monotonic
from typing import Any, Self, TypeVar
from uuid import uuid4
from weakref import WeakKeyDictionary

from starlette.types import ASGIApp

from voiceagent.app.calibration import costs_for, device_name
from voiceagent.app.capacity.demand import demand
from voiceagent.app.capacity.device import shared_device
from voiceagent.app.concerned import Sessions, concerned
from voiceagent.app.conversation import conversation_config
from voiceagent.app.engines import build_engines, lanes_of, model_names
from voiceagent.app.events import Events
from voiceagent.app.languages import require_language
from voiceagent.app.recordings import Recordings
from voiceagent.app.settings import agent_settings
from voiceagent.app.specs import gpus_for, lanes, remote_lanes
from voiceagent.app.speech_streams import Lending, SpeechStreams
from voiceagent.app.step_record import record
from voiceagent.app.tools import Tools, warn_if_tools_unsupported
from voiceagent.app.troubles import troubles_of
from voiceagent.app.turn_records import TurnRecord, turn_records
from voiceagent.config.settings import Settings
from voiceagent.doors.host import Capacity
from voiceagent.engines.contract import Engine
from voiceagent.engines.machine import Gpu
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.admission import Admission, Punctuality
from voiceagent.scheduler.costs import CostModel
from voiceagent.scheduler.lane import INTERPRETER_TURN_S, ThreadLane, close_all
from voiceagent.scheduler.scheduler import Scheduler, Step
from voiceagent.session.config import ConversationConfig
from voiceagent.session.coordinator import Session
from voiceagent.session.engines import Engines
from voiceagent.session.reports import Report, UserStopped
from voiceagent.session.snapshot import Snapshot
from voiceagent.session.turns import TurnLog
from voiceagent.text import load_languages
from voiceagent.trace.about import about
from voiceagent.trace.log import log_turn
from voiceagent.trace.loop_lag import LoopLag
from voiceagent.trace.metrics import Metrics
from voiceagent.trace.steps import StepLog
from voiceagent.trace.turn import TurnTrace

log = logging.getLogger(__name__)

TOOLS = "tools"
"""What `readiness` calls the MCP servers: a session that began before them would never know their tools."""

H = TypeVar("H", bound=Callable[..., Any])


class Agent(Lending):
    """One process's models, and the sessions they serve: the `Host` of every door.

    `config` is a settings file (a path, or a name in configs/) or `Settings`; `settings` changes some of them by their
    dotted names, such as {"llm.max_tokens": 80}. Each of `asr`, `llm`, `tts`, `vad` and `turn` names another backend,
    or is an engine (docs/build.md). `tools` are functions that the model may call, on top of the settings'.

    Raises ConfigError with every mistake in the settings, and VoiceAgentError for an invalid tool. Models are loaded by
    `start`, or `async with agent`.
    """

    def __init__(
        self,
        config: str | Path | Settings = "cpu.yaml",
        *,
        system_prompt: str | None = None,
        greeting: str | None = None,
        tools: Iterable[Callable[..., Any]] = (),
        asr: Any = None,
        llm: Any = None,
        tts: Any = None,
        vad: Any = None,
        turn: Any = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        given = {"asr": asr, "llm": llm, "tts": tts, "vad": vad, "turn": turn}
        changes = {"llm.system_prompt": system_prompt, "session.greeting": greeting}
        self.settings = agent_settings(
            config,
            {**{name: value for name, value in changes.items() if value is not None}, **(settings or {})},
            {section: engine for section, engine in given.items() if engine is not None},
        )
        require_language(self.settings)
        self.models = model_names(self.settings)
        self.metrics = Metrics()
        self.steps = StepLog()
        self.config = conversation_config(self.settings)
        """The configuration of sessions that are given no other."""
        self._tools = Tools(self.settings, self.metrics.observe_tool, tools)
        self.events = Events()
        """The handlers, and what waits for them."""
        self._turn_records: list[TurnRecord] = []
        self._recordings = Recordings(self.settings.session.record, log_text=self.settings.trace.log_text)
        self.loaded_s: dict[str, float] = {}
        """How long it took to import the runtimes, then each engine to load and warm up, side by side; in seconds."""
        self._started = False
        self._engines: Engines | None = None
        self._lanes: dict[str, ThreadLane] = {}
        self._ready = dict.fromkeys([*lanes(self.settings), *([TOOLS] if self.settings.mcp else [])], False)
        self._costs = CostModel()
        self._scheduler: Scheduler | None = None
        self._admission: Admission | None = None
        self._punctuality = Punctuality(self.settings.scheduler.promise_ms / 1000, monotonic)
        self._lag: LoopLag | None = None
        self._sessions: Sessions = WeakKeyDictionary()
        self._speech = SpeechStreams(
            self.settings.server.speech_streams,
            lambda: self._punctuality.is_late,
            self.troubles,
            self.metrics.speech_streams.set,
        )
        for name in lanes(self.settings):
            self.metrics.lane_ready.labels(name).set_function(partial(self._is_ready, name))
        self.metrics.capacity_sessions.set_function(self._capacity_or_nan)
        self.metrics.step_slowness.set_function(lambda: self._costs.slowness)

    # What a program does with it

    def on(self, event: str) -> Callable[[H], H]:
        """Decorate a function that is called with every event of a name (`voiceagent.events`).

        Raises VoiceAgentError for an unknown event.
        """

        self.events.require(event)

        def add(handler: H) -> H:
            self.events.add(event, handler)
            return handler

        return add

    def serve(self) -> None:
        """Load the models, serve page and doors, and print where; until Ctrl-C."""
        from voiceagent.app.serving import serve

        serve(self)

    def asgi(self) -> ASGIApp:
        """Return the ASGI application of page and doors; its lifespan loads and closes the models."""
        from voiceagent.app.asgi import asgi_app

        return asgi_app(self)

    async def __aenter__(self) -> Self:
        """Load the models; free what was loaded where one cannot be. Raises what `start` raises."""
        try:
            await self.start()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Free the models."""
        self.close()

    async def start(self, gpus: tuple[Gpu, ...] | None = None) -> None:
        """Build, load and warm up every engine, all in parallel, and start scheduling.

        `gpus` is the result of `gpus_for`, where the caller has it already.
        Raises VoiceAgentError for missing packages or model files, for unavailable tools, and when called twice;
        and what an engine's load raises.
        """
        if self._started:
            raise VoiceAgentError("This agent has already been started: create another one.")
        self._started = True
        self._recordings.announce()
        # Asking the driver, looking for files and importing runtimes take seconds: the event loop serves the page.
        gpus = await asyncio.to_thread(gpus_for, self.settings) if gpus is None else gpus
        since = monotonic()
        self._engines = await asyncio.to_thread(build_engines, self.settings, gpus)
        self.loaded_s["runtimes"] = round(monotonic() - since, 2)
        self._costs = costs_for(self.settings, device_name(gpus))
        self._turn_records = turn_records(self.settings.trace, self.models)
        by_lane = lanes_of(self._engines)
        self._lanes = {name: ThreadLane(name) for name in by_lane}
        sys.setswitchinterval(INTERPRETER_TURN_S)
        loading = [self._load(*engine) for engine in by_lane.items()]
        await asyncio.gather(self._connect_tools(), asyncio.to_thread(load_languages), *loading)
        warn_if_tools_unsupported(self._tools.toolbox.specs, self._engines.llm)
        device = shared_device(self.settings, by_lane, has_gpu=bool(gpus))
        self._scheduler = Scheduler(
            by_lane,
            self._lanes,
            device.concurrency,
            self._costs,
            self._on_step,
            off_device=device.off_device,
            concerns=partial(concerned, self._sessions),
        )
        self._admission = Admission(
            demand(self.settings),
            self._costs,
            device.concurrency,
            device.off_device,
            promise_s=self.settings.scheduler.promise_ms / 1000,
            most=self.settings.server.max_sessions,
            present=lambda: sum(not session.state.closed for session in self._sessions),
        )
        self._admission.start()
        self._lag = LoopLag(self.metrics.loop_lag.observe)

    def close(self) -> list[str]:
        """Stop scheduling, end the lanes, free the models.

        Returns the lanes whose step hangs: their models are in use, and stay until the process ends.
        """
        if self._scheduler is not None:
            self._scheduler.close()
        if self._admission is not None:
            self._admission.close()
        if self._lag is not None:
            self._lag.close()
        self.events.close()
        self._tools.close()
        self._ready = dict.fromkeys(self._ready, False)
        hanging = close_all(self._lanes)
        for name, engine in lanes_of(self._engines).items() if self._engines is not None else ():
            if name not in hanging:
                engine.close()
        if hanging:
            log.error("lanes do not end", extra={"lanes": hanging})
        for kept in self._turn_records:
            kept.close()
        self._recordings.close()
        return hanging

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The Python functions that the model may call."""
        return self._tools.functions

    # What doors ask of their host

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools that the model may call."""
        return tuple(spec.name for spec in self._tools.toolbox.specs)

    @property
    def engines(self) -> Engines:
        """The loaded models. Raises VoiceAgentError before `start`."""
        if self._engines is None:
            raise VoiceAgentError("The models are not loaded yet: use `async with agent`, or await agent.start().")
        return self._engines

    def readiness(self) -> dict[str, bool]:
        """Return, for each engine, whether it is loaded, warm and healthy, and whether MCP servers are connected."""
        troubles = self.troubles()
        return {name: ready and name not in troubles for name, ready in self._ready.items()}

    def troubles(self) -> dict[str, str]:
        """Return, for each lane that hangs, fails, or whose model is out of reach, what is wrong and what to do."""
        return troubles_of(self._engines, self._scheduler)

    def lost(self) -> list[str]:
        """Return the names of unreachable MCP servers; conversations do without them until they are back."""
        return self._tools.lost if self._ready.get(TOOLS) else []

    def capacity(self) -> Capacity:
        """Return how many callers there is room for; unknown before the models are loaded."""
        most, late = self.settings.server.max_sessions, self._punctuality.is_late
        each = self.settings.server.sessions_per_address
        if self._admission is None:
            return Capacity(None, most, late, per_address=each)
        return Capacity(self._admission.capacity, most, late, self._admission.is_settling, each)

    def open_session(
        self,
        on_report: Callable[[Report], None],
        config: ConversationConfig | None = None,
        past: Snapshot | None = None,
    ) -> Session:
        """Begin a session that reports to `on_report`, and behaves as `config` says, or else `self.config`.

        With the snapshot of a `past` one it has that one's name, and goes on where that one was.

        Raises VoiceAgentError for a configuration that the models and tools do not support.
        """
        self.require_engines("asr", "llm", "tts")
        session_id = uuid4().hex[:8] if past is None else past.session
        turns = TurnLog(session_id, self.steps, self.metrics, self._on_turn)

        def report(what: Report) -> None:
            if isinstance(what, UserStopped) and self._admission is not None:
                self._admission.answer_awaited()
            on_report(what)
            self.events.report(session, what)

        config, toolbox = config or self.config, self._tools.toolbox
        session = Session(session_id, self.engines, config, turns, report, toolbox, self.open_model, past)
        self._sessions[session] = None
        self._recordings.begin(session)
        if self._admission is not None:
            self._admission.arrived()
        return session

    # What happens inside

    def _is_ready(self, name: str) -> bool:
        return self.readiness()[name]

    def _capacity_or_nan(self) -> float:
        callers = self.capacity().callers
        return nan if callers is None else callers

    async def _load(self, name: str, engine: Engine) -> None:
        start = asyncio.get_running_loop().time()
        await self._lanes[name].load(engine)
        self._ready[name] = True
        self.loaded_s[name] = round(asyncio.get_running_loop().time() - start, 2)
        log.info("engine ready", extra={"engine": name, "seconds": self.loaded_s[name]})

    async def _connect_tools(self) -> None:
        await self._tools.connect()
        if TOOLS in self._ready:
            self._ready[TOOLS] = True

    def _on_turn(self, trace: TurnTrace) -> None:
        self.metrics.observe_turn(trace)
        waited_for_others = trace.tools or "llm" in remote_lanes(self.settings)
        if trace.waited_s is not None and not waited_for_others:
            self._punctuality.answered(trace.waited_s)
        with about(lambda: {"session": trace.session, "turn": trace.turn}):
            log_turn(trace)
            for kept in self._turn_records:
                kept.append(trace)
            self._recordings.turn(trace)

    def _on_step(self, step: Step) -> None:
        seen = record(step)
        self.steps.add(seen)
        self.metrics.observe_step(seen)
