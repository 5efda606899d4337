"""What a session reports, as the page's JSON: letter for letter what docs/protocol.md promises."""

import json

import pytest

from voiceagent.doors.page.messages import payload
from voiceagent.session.effects import Floor
from voiceagent.session.events import Outcome
from voiceagent.session.reports import (
    AgentPaused,
    AgentResumed,
    FloorChanged,
    ResponseEnded,
    SegmentAnnounced,
    ToolUsed,
    TurnTraced,
    UserText,
    UserTextWithdrawn,
    WordHeard,
    engine_failed,
)
from voiceagent.trace.turn import TurnTrace

SENT = [
    (FloorChanged(Floor.THINKING), '{"type": "floor", "holder": "thinking"}'),
    (UserText(3, "Grüß Gott", final=False), '{"type": "user.partial", "turn": 3, "text": "Grüß Gott"}'),
    (UserTextWithdrawn(3, "mm-hm"), '{"type": "user.aside", "turn": 3, "text": "mm-hm"}'),
    (UserText(3, "hello", final=True), '{"type": "user.final", "turn": 3, "text": "hello"}'),
    (
        SegmentAnnounced(7, 0, ("Hi", "there.")),
        '{"type": "agent.segment", "generation": 7, "segment": 0, "words": ["Hi", "there."]}',
    ),
    (WordHeard(7, 0, 1), '{"type": "agent.word", "generation": 7, "segment": 0, "word": 1}'),
    (AgentPaused(7), '{"type": "agent.paused", "generation": 7}'),
    (AgentResumed(7), '{"type": "agent.resumed", "generation": 7}'),
    (
        ToolUsed(7, "weather", "call_1", '{"city": "Rome"}', running=True),
        '{"type": "agent.tool", "generation": 7, "tool": "weather", "running": true}',
    ),
    (
        ToolUsed(7, "weather", "call_1", "{}", running=False, result="Sunny", seconds=0.5),
        '{"type": "agent.tool", "generation": 7, "tool": "weather", "running": false}',
    ),
    (
        ResponseEnded(7, Outcome.INTERRUPTED, 2, "Hi there."),
        '{"type": "agent.end", "generation": 7, "outcome": "interrupted", "heard_words": 2}',
    ),
    (
        engine_failed("asr", stuck=True),
        '{"type": "error", "code": "asr_stuck", "message": "The speech recogniser does not answer; the conversation'
        ' goes on as soon as it does."}',
    ),
    (
        engine_failed("llm", stuck=False),
        '{"type": "error", "code": "llm_failed", "message": "The language model failed; the conversation goes on."}',
    ),
]


@pytest.mark.parametrize(("report", "text"), SENT, ids=lambda value: type(value).__name__)
def test_a_report_becomes_its_message(report, text):
    assert json.dumps(payload(report), ensure_ascii=False) == text


def test_a_turn_is_shown_by_its_stages():
    trace = TurnTrace("a session", 2, generation=7, outcome="completed")
    assert payload(TurnTraced(trace)) == {"type": "trace", "trace": trace.stages()}


@pytest.mark.parametrize("engine", ["asr", "llm", "tts", "vad", "turn", "session"])
def test_no_failure_is_told_in_the_names_of_lanes(engine):
    words = engine_failed(engine, stuck=False).message.lower().replace(".", "").split()
    assert not {"asr", "llm", "tts", "vad"} & set(words)
