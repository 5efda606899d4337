"""What a session tells the people who watch it: one function per message, each a JSON-ready dictionary.

The page, and any other client of the `voiceagent` data channel, reads these (docs/protocol.md). Times (`t`) are seconds
on the server's clock.
"""

from math import isfinite
from typing import Any

from voiceagent.session.effects import Floor
from voiceagent.session.events import Outcome
from voiceagent.trace.steps import StepRecord
from voiceagent.trace.turn import TurnTrace

Payload = dict[str, Any]

MOST_STEPS = 64
"""In one message about the lanes: 200 a second, at three messages a second."""


def session(session_id: str, agent: str, t: float) -> Payload:
    """Build the first message of a session."""
    return {"type": "session", "session": session_id, "agent": agent, "t": t}


def floor(holder: Floor) -> Payload:
    """Say who has the floor: the user, the agent, nobody, or the agent while it is thinking."""
    return {"type": "floor", "holder": holder.value}


def user_text(turn: int, text: str, *, final: bool) -> Payload:
    """Say what the user is understood to have said so far in this turn."""
    return {"type": "user.final" if final else "user.partial", "turn": turn, "text": text}


def agent_segment(generation: int, segment: int, words: list[str]) -> Payload:
    """Announce words that are about to be spoken."""
    return {"type": "agent.segment", "generation": generation, "segment": segment, "words": words}


def agent_word(generation: int, segment: int, word: int) -> Payload:
    """Say that a word has begun to be heard."""
    return {"type": "agent.word", "generation": generation, "segment": segment, "word": word}


def agent_paused(generation: int) -> Payload:
    """Say that the agent fell silent because the user made a sound."""
    return {"type": "agent.paused", "generation": generation}


def agent_resumed(generation: int) -> Payload:
    """Say that the agent goes on where it paused."""
    return {"type": "agent.resumed", "generation": generation}


def agent_tool(generation: int, tool: str, *, running: bool) -> Payload:
    """Say that the agent uses a tool, or that it has its result."""
    return {"type": "agent.tool", "generation": generation, "tool": tool, "running": running}


def agent_end(generation: int, outcome: Outcome, heard_words: int) -> Payload:
    """Say how a response ended and how many of its words were heard."""
    return {"type": "agent.end", "generation": generation, "outcome": outcome.value, "heard_words": heard_words}


def error(code: str, message: str) -> Payload:
    """Say that something failed though the session lives."""
    return {"type": "error", "code": code, "message": message}


def failure(engine: str, *, stuck: bool) -> Payload:
    """Say that an engine failed, or does not answer at all."""
    if stuck:
        return error(f"{engine}_stuck", f"The {engine} does not answer; the conversation goes on as soon as it does.")
    return error(f"{engine}_failed", f"A step of the {engine} failed; the conversation goes on.")


def bye(reason: str) -> Payload:
    """Say that the server ends the session."""
    return {"type": "bye", "reason": reason}


def trace(turn: TurnTrace) -> Payload:
    """Report the stages of a finished turn; the steps have been shown as they ran."""
    return {"type": "trace", "trace": turn.stages()}


def lanes(now: float, steps: list[StepRecord], streams: set[tuple[str, int]]) -> Payload:
    """Show which lane worked when, for which response, and whether for this session's streams or for others'.

    Of more than `MOST_STEPS`, others' earliest are left out: every caller of a busy server is told of every step.
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
    """Report how the network treats the user's audio: packets lost, and how late what arrives is heard."""
    return {"type": "network", "lost_percent": round(lost_percent, 1), "lag_ms": round(lag_ms, 1)}
