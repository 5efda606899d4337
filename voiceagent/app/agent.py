"""The composition root: settings become engines, engines a scheduler, and the scheduler sessions."""

import asyncio
import logging
import sys
from collections.abc import Callable
from functools import partial
from math import nan
from time import monotonic
from uuid import uuid4
from weakref import WeakSet

from voiceagent.app.calibration import costs_for, device_name
from voiceagent.app.capacity.demand import demand
from voiceagent.app.capacity.device import shared_device
from voiceagent.app.conversation import conversation_config
from voiceagent.app.engines import build_engines, lanes_of, model_names
from voiceagent.app.specs import gpus_for, remote_lanes
from voiceagent.app.step_record import record
from voiceagent.app.tools import Tools, warn_if_unheard
from voiceagent.config.settings import Settings
from voiceagent.doors.host import Capacity
from voiceagent.engines.contract import Engine
from voiceagent.engines.machine import Gpu
from voiceagent.scheduler.admission import Admission, Punctuality
from voiceagent.scheduler.lane import INTERPRETER_TURN_S, ThreadLane, close_all
from voiceagent.scheduler.scheduler import Scheduler, Step
from voiceagent.session.config import ConversationConfig
from voiceagent.session.coordinator import Engines, Session
from voiceagent.session.reports import Report
from voiceagent.session.turns import TurnLog
from voiceagent.trace.jsonl import TurnFile
from voiceagent.trace.log import log_turn
from voiceagent.trace.loop_lag import LoopLag
from voiceagent.trace.metrics import Metrics
from voiceagent.trace.steps import StepLog
from voiceagent.trace.turn import TurnTrace

log = logging.getLogger(__name__)

TOOLS = "tools"
"""What `readiness` calls the MCP servers: a session that began before them would never know their tools."""


class Agent:
    """One process's models, and the sessions they serve: the `Host` of every door.

    `gpus` are what `gpus_for` says of the settings; whoever has asked already saves asking again.
    """

    def __init__(self, settings: Settings, engines: Engines | None = None, gpus: tuple[Gpu, ...] | None = None) -> None:
        gpus = gpus_for(settings) if gpus is None else gpus
        self.settings = settings
        self.models = model_names(settings)
        self.engines = engines or build_engines(settings, gpus)
        self._has_gpu = bool(gpus)
        self._costs = costs_for(settings, device_name(gpus))
        self.metrics = Metrics()
        self._tools = Tools(settings, self.metrics.observe_tool)
        self.steps = StepLog()
        self._turn_file = (
            TurnFile(settings.trace.jsonl, log_text=settings.trace.log_text) if settings.trace.jsonl else None
        )
        self._by_lane = lanes_of(self.engines)
        self._lanes = {name: ThreadLane(name) for name in self._by_lane}
        self._ready = dict.fromkeys([*self._by_lane, *([TOOLS] if settings.mcp else [])], False)
        self._scheduler: Scheduler | None = None
        self._admission: Admission | None = None
        self._punctuality = Punctuality(settings.scheduler.promise_ms / 1000, monotonic)
        self._lag: LoopLag | None = None
        self._sessions = WeakSet[Session]()
        self.config = conversation_config(settings)
        """The configuration of sessions that are given no other."""
        for name in self._by_lane:
            self.metrics.lane_ready.labels(name).set_function(partial(self._is_ready, name))
        self.metrics.capacity_sessions.set_function(self._capacity_or_nan)
        self.metrics.step_slowness.set_function(lambda: self._costs.slowness)

    async def start(self) -> None:
        """Load and warm up every engine, side by side, and begin to schedule.

        Raises what an engine's load raises, and VoiceAgentError for tools that cannot be had.
        """
        sys.setswitchinterval(INTERPRETER_TURN_S)
        await asyncio.gather(self._connect_tools(), *(self._load(*engine) for engine in self._by_lane.items()))
        warn_if_unheard(self._tools.toolbox.specs, self.engines.llm)
        device = shared_device(self.settings, self._by_lane, self._costs, has_gpu=self._has_gpu)
        self._scheduler = Scheduler(
            self._by_lane, self._lanes, device.concurrency, self._costs, self._on_step, off_device=device.off_device
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

    def readiness(self) -> dict[str, bool]:
        """Say of each engine whether it is loaded, warm and well, and whether MCP servers are connected."""
        troubles = self.troubles()
        return {name: ready and name not in troubles for name, ready in self._ready.items()}

    def troubles(self) -> dict[str, str]:
        """Say of each lane that hangs, or fails step after step, what is wrong and what to do."""
        return self._scheduler.troubles() if self._scheduler is not None else {}

    def lost(self) -> list[str]:
        """Name the MCP servers that have gone away; conversations do without them until they are back."""
        return self._tools.lost if self._ready.get(TOOLS) else []

    def capacity(self) -> Capacity:
        """Return how many callers there is room for: not known before the models are loaded."""
        most, late = self.settings.server.max_sessions, self._punctuality.is_late
        if self._admission is None:
            return Capacity(None, most, late)
        return Capacity(self._admission.capacity, most, late, self._admission.is_settling)

    def open_session(self, on_report: Callable[[Report], None], config: ConversationConfig | None = None) -> Session:
        """Begin a session that reports to `on_report`, and behaves as `config` says, or else `self.config`."""
        session_id = uuid4().hex[:8]
        turns = TurnLog(session_id, self.steps, self.metrics, self._on_turn)
        session = Session(session_id, self.engines, config or self.config, turns, on_report, self._tools.toolbox)
        self._sessions.add(session)
        if self._admission is not None:
            self._admission.arrived()
        return session

    def close(self) -> list[str]:
        """Stop scheduling, end the lanes, free the models.

        Returns the lanes with a step that does not end: their models are in use, and stay until the process ends.
        """
        if self._scheduler is not None:
            self._scheduler.close()
        if self._admission is not None:
            self._admission.close()
        if self._lag is not None:
            self._lag.close()
        self._tools.close()
        self._ready = dict.fromkeys(self._ready, False)
        hanging = close_all(self._lanes)
        for name, engine in self._by_lane.items():
            if name not in hanging:
                engine.close()
        if hanging:
            log.error("lanes do not end", extra={"lanes": hanging})
        if self._turn_file is not None:
            self._turn_file.close()
        return hanging

    def _is_ready(self, name: str) -> bool:
        return self.readiness()[name]

    def _capacity_or_nan(self) -> float:
        callers = self.capacity().callers
        return nan if callers is None else callers

    async def _load(self, name: str, engine: Engine) -> None:
        start = asyncio.get_running_loop().time()
        await self._lanes[name].load(engine)
        self._ready[name] = True
        log.info("engine ready", extra={"engine": name, "seconds": round(asyncio.get_running_loop().time() - start, 2)})

    async def _connect_tools(self) -> None:
        await self._tools.connect()
        if TOOLS in self._ready:
            self._ready[TOOLS] = True

    def _on_turn(self, trace: TurnTrace) -> None:
        self.metrics.observe_turn(trace)
        waited_for_others = trace.tools or "llm" in remote_lanes(self.settings)
        if trace.waited_s is not None and not waited_for_others:
            self._punctuality.answered(trace.waited_s)
        log_turn(trace)
        if self._turn_file is not None:
            self._turn_file.append(trace)

    def _on_step(self, step: Step) -> None:
        seen = record(step)
        self.steps.add(seen)
        self.metrics.observe_step(seen)
