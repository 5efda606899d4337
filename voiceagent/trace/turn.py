"""What happened in one turn, and when: the one record behind the waterfall, the metrics, the tables and the log line.

All times are seconds on one shared clock (the event loop's). The session calls `mark`; everything else is derived from
the marks. Knows nothing of sessions and engines.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from voiceagent.trace.steps import StepRecord
from voiceagent.trace.tools import ToolUse

Outcome = Literal["completed", "interrupted", "failed", "cancelled"]
Speculation = Literal["used", "dropped", "none"]
Mark = Literal[
    "speech_end",
    "silence",
    "transcript_final",
    "turn_decision",
    "first_token",
    "first_segment",
    "first_audio",
    "first_packet",
    "playout_end",
]
MARKS: tuple[Mark, ...] = get_args(Mark)
"""All marks, in the order in which a turn without speculation reaches them."""

AWAITS: dict[Mark, tuple[Mark, ...]] = {
    "silence": ("speech_end",),
    "transcript_final": ("speech_end", "silence"),
    "turn_decision": ("speech_end", "silence"),
    "first_token": ("transcript_final",),
    "first_segment": ("first_token",),
    "first_audio": ("first_segment",),
    "first_packet": ("first_audio", "turn_decision"),
    "playout_end": ("first_packet",),
}
"""What each stage may have waited for. It began at the latest of these that came before its own end: a transcript that
was made ahead of time, before the silence was certain, waited for the end of speech only."""

SPAN_NAMES: dict[Mark, str] = {  # the stages that make up voice-to-voice
    "silence": "silence",
    "transcript_final": "transcript",
    "turn_decision": "turn decision",
    "first_token": "first token",
    "first_segment": "first segment",
    "first_audio": "first audio",
    "first_packet": "first packet",
}


@dataclass(frozen=True, slots=True)
class Span:
    """One stage of a turn, in ms from the end of speech; below zero where work ran ahead of it."""

    name: str
    start_ms: float
    end_ms: float

    @property
    def ms(self) -> float:
        """How long it took."""
        return self.end_ms - self.start_ms


@dataclass(slots=True)
class TurnTrace:
    """One turn: what the user said and the agent's response to it. Filled in as it goes on."""

    session: str
    turn: int
    generation: int = 0
    """Of the response that was heard, or was to be."""
    outcome: Outcome | None = None
    """How the response ended; None while it goes on."""
    speculations_used: int = 0
    speculations_dropped: int = 0
    marks: dict[Mark, float] = field(default_factory=dict)
    steps: Sequence[StepRecord] = ()
    """What the lanes ran during the turn, for all callers."""
    tools: Sequence[ToolUse] = ()
    """The tools that the response called, in order."""
    user_text: str = ""
    agent_text: str = ""
    """The words of the response that were heard."""

    def mark(self, name: Mark, at: float) -> None:
        """Record when something first happened; later times of the same mark change nothing."""
        self.marks.setdefault(name, at)

    def rewind(self, to: Mark) -> None:
        """Forget this mark and all that depend on it, because that work was wasted.

        `rewind("speech_end")` when the user went on speaking; `rewind("transcript_final")` when a later transcript
        differed from the one the response was prepared for.
        """
        lost = {to}
        for name in MARKS:
            if lost & set(AWAITS.get(name, ())):
                lost.add(name)
        self.marks = {name: at for name, at in self.marks.items() if name not in lost}

    @property
    def speculation(self) -> Speculation:
        """What became of the work done before the turn was known to be over."""
        if self.speculations_used:
            return "used"
        return "dropped" if self.speculations_dropped else "none"

    @property
    def voice_to_voice_ms(self) -> float | None:
        """Milliseconds from the end of the user's speech to the first packet of the answer, or None."""
        if "speech_end" not in self.marks or "first_packet" not in self.marks:
            return None
        return (self.marks["first_packet"] - self.marks["speech_end"]) * 1000

    @property
    def waited_s(self) -> float | None:
        """Seconds the user waited for the answer's first packet, or until it was given up; None for typed words."""
        end = self.marks.get("first_packet", self.marks.get("playout_end"))
        return None if end is None or "speech_end" not in self.marks else end - self.marks["speech_end"]

    def spans(self) -> list[Span]:
        """Return the stages known so far, relative to the end of speech; none where no speech ended (typed words)."""
        if "speech_end" not in self.marks:
            return []
        zero = self.marks["speech_end"]
        spans = []
        for name, title in SPAN_NAMES.items():
            known = [self.marks[mark] for mark in AWAITS[name] if mark in self.marks]
            if name in self.marks and known:
                end = self.marks[name]
                start = max((at for at in known if at <= end), default=end)
                spans.append(Span(title, (start - zero) * 1000, (end - zero) * 1000))
        return spans

    def tool_spans(self) -> list[Span]:
        """Return the tool calls; one that outlasts the turn ends with it. Empty where no speech ended."""
        zero, over = self.marks.get("speech_end"), self.marks.get("playout_end")
        if zero is None:
            return []
        ends = [(use, over if use.end is None else use.end) for use in self.tools]
        return [
            Span(f"tool {use.name}", (use.start - zero) * 1000, (end - zero) * 1000)
            for use, end in ends
            if end is not None
        ]

    def to_json(self, *, text: bool = False) -> dict[str, Any]:
        """Return the turn as plain data, with the spoken words only if `text`.

        With several callers there are hundreds of steps, which takes milliseconds.
        """
        words = {"user_text": self.user_text, "agent_text": self.agent_text} if text else {}
        return {**self.stages(), "steps": [record.to_json() for record in self.steps], **words}

    def stages(self) -> dict[str, Any]:
        """Return the turn as plain data without its steps."""
        v2v = self.voice_to_voice_ms
        return {
            "session": self.session,
            "turn": self.turn,
            "generation": self.generation,
            "outcome": self.outcome,
            "speculation": self.speculation,
            "speculations_used": self.speculations_used,
            "speculations_dropped": self.speculations_dropped,
            "voice_to_voice_ms": None if v2v is None else round(v2v, 1),
            "marks": {name: round(self.marks[name], 6) for name in MARKS if name in self.marks},
            "spans": [
                {"name": span.name, "start_ms": round(span.start_ms, 1), "end_ms": round(span.end_ms, 1)}
                for span in (*self.spans(), *self.tool_spans())
            ],
            "tools": [use.to_json() for use in self.tools],
        }
