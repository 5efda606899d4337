"""What happens in an agent's conversations, for those who build on it: `@agent.on("turn")`.

A handler that is a coroutine function runs on the agent's event loop, where it may use `event.session` and must not
block; an ordinary function runs in a thread of its own. Each handler gets its events one after the other, in order. One
that raises is logged; one that hangs misses events, and no caller's audio waits for it.
"""

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

from voiceagent.errors import VoiceAgentError
from voiceagent.session.coordinator import Session
from voiceagent.session.named import log_fields
from voiceagent.session.reports import (
    EngineFailed,
    Report,
    SessionClosed,
    SessionOpened,
    ToolUsed,
    TurnTraced,
    UserText,
    UserTextWithdrawn,
)
from voiceagent.tools.daemon_thread import in_thread
from voiceagent.trace.about import about, about_nobody
from voiceagent.trace.turn import TurnTrace

log = logging.getLogger(__name__)

MOST_WAITING = 256
"""Events kept for a slow handler; it misses any beyond these, which is logged."""

EventName = Literal["session_started", "transcript", "turn", "tool", "session_ended", "error"]


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """A caller has connected."""

    session: Session


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript of the turn so far; `final` ones may be followed by longer ones."""

    session: Session
    turn: int
    text: str
    final: bool
    withdrawn: bool = False
    """It is set aside: a sign of attention, or given up for what was typed. Nobody answers it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The user has said something, and the answer is over."""

    session: Session
    user_text: str
    agent_text: str
    """What was heard of the answer."""
    outcome: str
    """completed, interrupted, failed or cancelled."""
    voice_to_voice_ms: float | None
    """From the end of the user's speech to the first packet of the answer; None for typed words, or without answer."""
    trace: TurnTrace
    """Everything else that was measured."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool was called, and has returned or failed."""

    session: Session
    name: str
    arguments: str
    """A JSON object, as JSON text."""
    result: str | None
    error: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A caller has left."""

    session: Session


@dataclass(frozen=True, slots=True)
class Error:
    """A model failed, or does not answer; the session lives."""

    session: Session
    engine: str
    """asr, llm, tts, vad or turn; session, where it was none of them."""
    message: str


Event = SessionStarted | Transcript | Turn | Tool | SessionEnded | Error
Handler = Callable[[Any], Any]

NAMES: dict[type[Event], EventName] = {
    SessionStarted: "session_started",
    Transcript: "transcript",
    Turn: "turn",
    Tool: "tool",
    SessionEnded: "session_ended",
    Error: "error",
}


def event_of(session: Session, report: Report) -> Event | None:
    """Return the event for a session's report; None for those that only a door needs."""
    match report:
        case SessionOpened():
            return SessionStarted(session)
        case SessionClosed():
            return SessionEnded(session)
        case UserText(turn, text, final):
            return Transcript(session, turn, text, final)
        case UserTextWithdrawn(turn, text):
            return Transcript(session, turn, text, final=True, withdrawn=True)
        case TurnTraced(trace):
            outcome, ms = str(trace.outcome), trace.voice_to_voice_ms
            return Turn(session, trace.user_text, trace.agent_text, outcome, ms, trace)
        case ToolUsed(running=False):
            return Tool(session, report.name, report.arguments, report.result, report.error, report.seconds)
        case EngineFailed(engine, _, message):
            return Error(session, engine, message)
    return None


class Events:
    """The handlers, and what waits for each."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[_Worker]] = {name: [] for name in get_args(EventName)}

    def require(self, name: str) -> None:
        """Raises VoiceAgentError for an unknown event."""
        if name not in self._handlers:
            raise VoiceAgentError(f"There is no event {name!r}; there are {', '.join(self._handlers)}.")

    def add(self, name: str, handler: Handler) -> None:
        """Call a handler for every event of a known name."""
        self._handlers[name].append(_Worker(name, handler))

    def report(self, session: Session, report: Report) -> None:
        """Pass a session's report on to the handlers of its event. On the event loop; returns at once."""
        event = event_of(session, report)
        if event is not None:
            for worker in self._handlers[NAMES[type(event)]]:
                worker.put(event)

    def close(self) -> None:
        """End every handler."""
        for worker in (worker for workers in self._handlers.values() for worker in workers):
            worker.close()


class _Worker:
    """A handler, and the events that wait for it. Its task lives while there are any."""

    def __init__(self, name: str, handler: Handler) -> None:
        self._name = name
        self._handler = handler
        self._waiting: list[tuple[Event, Mapping[str, object]]] = []
        self._misses = False
        """Whether the last event was lost, which is logged once."""
        self._task: asyncio.Task[None] | None = None

    def put(self, event: Event) -> None:
        fields = {**_fields(event), "handler": _title(self._handler)}
        if len(self._waiting) >= MOST_WAITING:
            if not self._misses:
                log.warning(
                    "a handler of %s events is too slow or hangs: it misses events",
                    self._name,
                    extra=fields,
                )
            self._misses = True
            return
        self._misses = False
        self._waiting.append((event, fields))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work(), context=about_nobody())

    def close(self) -> None:
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        while self._waiting:
            event, fields = self._waiting[0]
            try:
                with about(partial(dict, fields)):
                    if inspect.iscoroutinefunction(self._handler):
                        await self._handler(event)
                    else:
                        await in_thread(partial(self._handler, event), f"on-{self._name}")
            except Exception:  # an application's code may raise anything
                log.exception("a handler of %s events failed", self._name, extra=fields)
            finally:
                if self._waiting:
                    self._waiting.pop(0)


def _fields(event: Event) -> dict[str, object]:
    """Return what a line about the event carries: its own turn, or else the one of the moment."""
    match event:
        case Turn():
            return {"session": event.session.id, "turn": event.trace.turn}
        case Transcript():
            return {"session": event.session.id, "turn": event.turn}
    return log_fields(event.session)


def _title(handler: Handler) -> str:
    return getattr(handler, "__qualname__", type(handler).__name__)
