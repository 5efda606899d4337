"""What the fake server has to say: one conversation with its words, traces and steps, as plain data.

A script is a list of (seconds to wait, message); tests send all of it at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

Message = dict[str, Any]
Script = list[tuple[float, Message]]


def work_between(since: float, until: float) -> Iterator[Message]:
    """Steps as a busy server might have run them: listening for 3 s, an answer for 3 s, and another caller."""

    def step(lane: str, key: str, at: float, long: float, generation: int | None, mine: bool = True) -> Message:
        seldom = int(at * 20) % 47 == 0
        return {
            "lane": lane,
            "key": key,
            "start": at,
            "end": at + long,
            "generation": generation,
            "mine": mine,
            "streams": 1,
            "predicted_ms": round(long * 900, 1),
            "slack_ms": -3.0 if seldom else 180.0,
            "need": "speculative" if lane == "llm" and generation and at % 6 < 3.4 else "promised",
            "missed": seldom,
            "failure": None,
        }

    for tick in range(math.ceil(since / 0.05), math.ceil(until / 0.05)):
        at, phase = tick * 0.05, (tick * 0.05) % 6
        generation = int(tick * 0.05 // 6)
        yield step("vad", "vad.window", at, 0.003, None)
        if phase < 2.9 and tick % 6 == 0:
            yield step("asr", "asr.decode", at, 0.03 + phase / 18, None)
        if 2.85 <= phase < 2.9:
            yield step("turn", "turn.predict", at, 0.06, None)
        if 2.9 <= phase < 4.4 and tick % 2 == 0:
            yield step("llm", "llm.decode", at, 0.07, generation)
        if 3.1 <= phase < 5.6 and tick % 7 == 0:
            yield step("tts", "tts.segment", at, 0.22, generation)
        if 0.4 < phase < 2.4 and tick % 5 == 0:
            yield step("llm", "llm.decode", at, 0.06, None, mine=False)
            yield step("tts", "tts.segment", at + 0.07, 0.1, None, mine=False)


def trace(turn: int, heard_ms: float | None, speculation: str = "used", outcome: str = "completed") -> Message:
    """A `trace` message with the seven stages, stretched so that the answer is heard after `heard_ms`."""
    marks = {
        "silence": (0, 64),
        "transcript": (64, 148),
        "turn decision": (200, 226),
        "first token": (152, 201),
        "first segment": (201, 297),
        "first audio": (297, 372),
        "first packet": (372, 391),
    }
    stretch = (heard_ms or 420) / 412
    spans = [
        {"name": name, "start_ms": round(start * stretch), "end_ms": round(end * stretch)}
        for name, (start, end) in marks.items()
    ]
    body = {"turn": turn, "generation": turn, "voice_to_voice_ms": heard_ms, "spans": spans}
    return {"type": "trace", "trace": {**body, "outcome": outcome, "speculation": speculation}}


def spoken(generation: int, segment: int, text: str, heard: int | None = None) -> Script:
    """One segment and its first `heard` words (all where None) as they begin to be heard."""
    words = text.split()
    name = {"generation": generation, "segment": segment}
    said: Script = [(0.05, {"type": "agent.segment", **name, "words": words})]
    return said + [(0.27, {"type": "agent.word", **name, "word": k}) for k in range(len(words))[:heard]]


def asked(turn: int, *parts: str) -> Script:
    """A turn of the user's: growing partials, then the final text."""
    partials: Script = [
        (0.6, {"type": "user.partial", "turn": turn, "text": " ".join(parts[: n + 1])}) for n in range(len(parts))
    ]
    return [
        (0.8, {"type": "floor", "holder": "user"}),
        *partials,
        (0.3, {"type": "user.final", "turn": turn, "text": " ".join(parts)}),
        (0.0, {"type": "floor", "holder": "thinking"}),
        (0.4, {"type": "floor", "holder": "agent"}),
    ]


def ended(generation: int, outcome: str, heard: int) -> Message:
    """The end of a response."""
    return {"type": "agent.end", "generation": generation, "outcome": outcome, "heard_words": heard}


QUIET: Message = {"type": "floor", "holder": "none"}
CONVERSATION: Script = [
    (0.2, {"type": "network", "rtt_ms": 23.4, "lost_percent": 0.0, "lag_ms": 31}),
    (0.3, {"type": "floor", "holder": "agent"}),
    *spoken(1, 0, "Hello, I am Amber. What is on your mind?"),
    (0.4, ended(1, "completed", 9)),
    (0.0, QUIET),
    *asked(1, "Why is the", "sky blue?"),
    (0.0, trace(1, 438)),
    *spoken(2, 0, "Sunlight is scattered by the air, and blue light far more than red."),
    (0.2, {"type": "agent.paused", "generation": 2}),
    (0.8, {"type": "agent.resumed", "generation": 2}),
    *spoken(2, 1, "So blue reaches you from every side."),
    (0.4, ended(2, "completed", 20)),
    (0.0, QUIET),
    *asked(2, "And at sunset,", "why does it turn red?"),
    (0.0, trace(2, 512, "dropped")),
    *spoken(3, 0, "Then the light comes a longer way through the air."),
    *spoken(3, 1, "The blue is gone before it gets to you, and what is left is red, as in", heard=6),
    (0.2, {"type": "agent.paused", "generation": 3}),
    (0.0, ended(3, "interrupted", 16)),
    *asked(3, "Is that the same", "on Mars?"),
    (0.0, trace(3, 391)),
    *spoken(4, 0, "Almost the other way round. Its dust makes the day reddish and the sunset blue.", heard=11),
]
