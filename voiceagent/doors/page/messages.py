"""The messages of the page's data channel (docs/protocol.md), and how a session's reports translate into them.

Each is a JSON-ready dictionary with a `type`. Times (`t`) are seconds on the server's clock.
"""

from collections.abc import Iterable
from math import isfinite
from typing import Any

from voiceagent.session.items import Item
from voiceagent.session.reports import (
    AgentPaused,
    AgentResumed,
    AsideEnded,
    EngineFailed,
    FloorChanged,
    NothingHeard,
    Report,
    ResponseEnded,
    ResponseStarted,
    SegmentAnnounced,
    SegmentHeard,
    SessionClosed,
    SessionOpened,
    TextCompleted,
    TextWritten,
    ToolUsed,
    TurnTraced,
    UserStarted,
    UserStopped,
    UserText,
    UserTextWithdrawn,
    UserTurnEnded,
    WordHeard,
)
from voiceagent.trace.steps import StepRecord

Payload = dict[str, Any]

MOST_STEPS = 64
"""Steps in one message about the lanes: 200 a second, at three messages a second."""


def payload(report: Report) -> Payload | None:
    """Return the page's message for a report; None for what it knows already."""
    match report:
        case SessionOpened() | SessionClosed() | UserStarted() | UserStopped() | UserTurnEnded() | NothingHeard():
            return None
        case ResponseStarted() | TextWritten() | TextCompleted() | AsideEnded() | SegmentHeard():
            return None
        case FloorChanged(holder):
            return {"type": "floor", "holder": holder.value}
        case UserText(turn, text, final):
            return {"type": "user.final" if final else "user.partial", "turn": turn, "text": text}
        case UserTextWithdrawn(turn, text):
            return {"type": "user.aside", "turn": turn, "text": text}
        case SegmentAnnounced(generation, segment, words):
            return {"type": "agent.segment", "generation": generation, "segment": segment, "words": list(words)}
        case WordHeard(generation, segment, word):
            return {"type": "agent.word", "generation": generation, "segment": segment, "word": word}
        case AgentPaused(generation):
            return {"type": "agent.paused", "generation": generation}
        case AgentResumed(generation):
            return {"type": "agent.resumed", "generation": generation}
        case ToolUsed(generation, name):
            return {"type": "agent.tool", "generation": generation, "tool": name, "running": report.running}
        case ResponseEnded(generation, outcome, heard):
            return {"type": "agent.end", "generation": generation, "outcome": outcome.value, "heard_words": heard}
        case TurnTraced(trace):  # its steps have been shown as they ran
            return {"type": "trace", "trace": trace.stages()}
        case EngineFailed(engine, stuck, message):
            return error(f"{engine}_stuck" if stuck else f"{engine}_failed", message)


def session(session_id: str, agent: str, t: float, *, resume: Payload | None = None, resumed: bool = False) -> Payload:
    """Build the first message of a session, which the client can go on with later by `resume`."""
    return {"type": "session", "session": session_id, "agent": agent, "t": t, "resume": resume, "resumed": resumed}


def history(items: Iterable[Item]) -> Payload:
    """Tell what was said in a session that is resumed, as far as it is remembered."""
    said = [{"role": item.role, "text": item.text} for item in items if item.role != "system" and item.text]
    return {"type": "history", "items": said}


def error(code: str, message: str) -> Payload:
    """Report a failure that the session survives."""
    return {"type": "error", "code": code, "message": message}


def bye(reason: str) -> Payload:
    """Announce that the server ends the session."""
    return {"type": "bye", "reason": reason}


def lanes(now: float, steps: list[StepRecord], streams: set[tuple[str, int]]) -> Payload:
    """Show which lane worked when, for which response, and whether for this session's streams or for others'.

    Beyond `MOST_STEPS`, the earliest steps of others are left out: every caller of a busy server is sent every step.
    """
    shown = [(step, any((step.lane, number) in streams for number in step.streams)) for step in steps]
    surplus = len(shown) - MOST_STEPS
    if surplus > 0:
        left_out = set([index for index, (_, mine) in enumerate(shown) if not mine][:surplus])
        shown = [item for index, item in enumerate(shown) if index not in left_out][-MOST_STEPS:]
    return {
        "type": "lanes",
        "now": round(now, 4),
        "steps": [
            {
                "lane": step.lane,
                "key": step.key[0],
                "start": round(step.start, 4),
                "end": round(step.end, 4),
                "generation": step.generation,
                "mine": mine,
                "streams": len(step.streams),
                "predicted_ms": round(step.predicted_s * 1000, 1),
                "slack_ms": round(step.slack_s * 1000, 1) if isfinite(step.slack_s) else None,
                "need": step.need,
                "missed": step.missed,
                "failure": step.failure,
            }
            for step, mine in shown
        ],
    }


def level(user_dbfs: float, agent_dbfs: float) -> Payload:
    """Report how loud both sides are."""
    return {"type": "level", "user": round(user_dbfs, 1), "agent": round(agent_dbfs, 1)}


def network(lost_percent: float, lag_ms: float) -> Payload:
    """Report the network's effect on the user's audio: packets lost, and how late the rest is heard."""
    return {"type": "network", "lost_percent": round(lost_percent, 1), "lag_ms": round(lag_ms, 1)}


def pong(t: object) -> Payload:
    """Answer a ping with its own timestamp."""
    return {"type": "pong", "t": t}
