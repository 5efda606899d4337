"""Reading a file of turns (`trace.jsonl`): of any version, and of a process that was ended in mid-line.

It knows the names that `TurnTrace.to_json` writes, and takes a field that is missing or malformed for unknown.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from voiceagent.errors import VoiceAgentError

MOST_STEPS = 2000
"""Steps of a turn that are kept; a minute of a busy server has as many."""


class TurnsError(VoiceAgentError):
    """A file of turns that cannot be used."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that took time, in ms after the end of the user's speech."""

    name: str
    start_ms: float
    end_ms: float
    note: str = ""
    missed: bool = False
    own: bool = True
    """Whether it was for this turn's answer, and not another caller's or none."""

    @property
    def ms(self) -> float:
        """How long it took."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the file."""

    time: str
    session: str
    number: str
    outcome: str
    speculation: str
    voice_to_voice_ms: float | None
    stages: tuple[Bar, ...]
    """The tools' calls among them."""
    lanes: Mapping[str, tuple[Bar, ...]]
    user_text: str
    agent_text: str


def read_turns(path: Path) -> tuple[list[Turn], int]:
    """Return the turns of a file, and how many lines were none.

    Raises TurnsError for a file that cannot be read or has no turns.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise TurnsError(
            f"{path} cannot be read ({error.strerror}). A server writes such a file with --set trace.jsonl=FILE."
        ) from error
    turns = [turn for turn in map(_turn, filter(None, lines)) if turn is not None]
    if not turns:
        raise TurnsError(
            f"{path} has no turns in it. A server writes them, a line of JSON each, with --set trace.jsonl={path.name}."
        )
    return turns, sum(1 for line in lines if line) - len(turns)


def _turn(line: bytes) -> Turn | None:
    try:
        written = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(written, dict) or not isinstance(written.get("marks"), dict) or "session" not in written:
        return None
    zero = _number(written["marks"].get("speech_end"))
    generation = written.get("generation")
    lanes: dict[str, list[Bar]] = {}
    for step in _dicts(written.get("steps"))[:MOST_STEPS]:
        start, end = _number(step.get("start")), _number(step.get("end"))
        if zero is not None and start is not None and end is not None:
            missed = step.get("missed") is True or step.get("failed") is True
            note = f"{step.get('key')}, {step.get('streams')} callers, {step.get('need')}"
            bar = Bar(
                _text(step.get("key")),
                (start - zero) * 1000,
                (end - zero) * 1000,
                note,
                missed,
                step.get("generation") == generation,
            )
            lanes.setdefault(_text(step.get("lane")), []).append(bar)
    spans = [
        (span, _number(span.get("start_ms")), _number(span.get("end_ms"))) for span in _dicts(written.get("spans"))
    ]
    return Turn(
        time=_text(written.get("time")),
        session=_text(written["session"]),
        number=_text(written.get("turn")),
        outcome=_text(written.get("outcome")) or "unfinished",
        speculation=_text(written.get("speculation")),
        voice_to_voice_ms=_number(written.get("voice_to_voice_ms")),
        stages=tuple(
            Bar(_text(span.get("name")), start, end)
            for span, start, end in spans
            if start is not None and end is not None
        ),
        lanes={name: tuple(bars) for name, bars in sorted(lanes.items())},
        user_text=_text(written.get("user_text")),
        agent_text=_text(written.get("agent_text")),
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15 or not isfinite(value):
        return None
    return float(value)


def _text(value: object) -> str:
    return "" if value is None else str(value)[:20_000]


def _dicts(value: object) -> list[dict[str, Any]]:
    found: Iterable[Any] = value if isinstance(value, list) else ()
    return [one for one in found if isinstance(one, dict)]
