"""What happened in one conversation, and when, as rules, judges and reports read it. Times are seconds from its begin.

It is filled from a session's reports (`take`), or from what a door tells its client (`spoken.py`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from voiceagent.audio.pcm import Pcm
from voiceagent.session.reports import (
    AgentPaused,
    AgentResumed,
    EngineFailed,
    Report,
    ResponseEnded,
    ResponseStarted,
    SegmentAnnounced,
    ToolUsed,
    UserStarted,
    UserStopped,
    UserTurnEnded,
    WordHeard,
)


@dataclass(slots=True)
class Did:
    """Something that the user did: said, typed, pressed, or a sound."""

    at: float
    manner: str
    text: str
    turn: int
    end: float = 0.0


@dataclass(slots=True)
class Understood:
    """A turn of the user's as the agent understood it."""

    at: float
    turn: int
    text: str


@dataclass(slots=True)
class Response:
    """Something that the agent says."""

    at: float
    generation: int
    kind: str = "reply"
    words: list[str] = field(default_factory=list)
    """As they are spoken, heard or not."""
    begins: dict[int, int] = field(default_factory=dict)
    """Where each segment begins among them."""
    heard: int = 0
    """How many of them were heard."""
    written: str = ""
    """What was heard, as the model wrote it; known at its end."""
    outcome: str | None = None
    end: float | None = None

    @property
    def text(self) -> str:
        """The words that were heard."""
        return " ".join(self.words[: self.heard])


@dataclass(slots=True)
class Call:
    """A call of a tool."""

    at: float
    name: str
    id: str = ""
    arguments: dict[str, Any] | None = None
    """None where the door does not tell."""
    result: str | None = None
    error: str | None = None


@dataclass(slots=True)
class Happened:
    """Something without words."""

    at: float
    what: str


Event = Did | Understood | Response | Call | Happened


@dataclass(slots=True)
class Record:
    """One conversation."""

    events: list[Event] = field(default_factory=list)
    """In the order in which they began."""
    sounds: list[tuple[float, float]] = field(default_factory=list)
    """When the agent could be heard, from and to."""
    turns: list[float] = field(default_factory=list)
    """When each turn of the scenario began."""
    history: list[tuple[str, str]] | None = None
    """Role and text of what the model is shown at the end; None where a door does not tell."""
    audio: Pcm | None = None
    """Both sides, mixed, at 16 kHz; None unless it was asked for."""
    trouble: str | None = None
    """Why the conversation could not be held to its end."""
    end: float = 0.0

    def of(self, kind: type[Any]) -> Iterator[Any]:
        """Yield the events of one kind."""
        return (event for event in self.events if isinstance(event, kind))

    def response(self, generation: int, at: float) -> Response:
        """Return the response with a number, which begins now if it is new."""
        responses: Iterator[Response] = self.of(Response)
        found = next((one for one in responses if one.generation == generation), None)
        if found is None:
            found = Response(at, generation)
            self.events.append(found)
            self.happened(at, "agent_starts")
        return found

    def happened(self, at: float, what: str) -> None:
        """Note something without words."""
        self.events.append(Happened(at, what))

    def first_sound(self, after: float) -> float | None:
        """Return when the agent was first heard at `after` or later."""
        return next((max(start, after) for start, end in self.sounds if end > after), None)

    def heard_at(self, response: Response) -> float | None:
        """Return when a response was first heard; None if it never was."""
        heard = self.first_sound(response.at)
        return None if heard is None or (response.end is not None and heard > response.end) else heard

    def silent_from(self, after: float, rest_s: float = 0.4) -> float:
        """Return the end of the last sound before the agent was first silent for `rest_s`, at `after` or later."""
        silent = after
        for start, end in self.sounds:
            if end > after:
                if start - silent >= rest_s:
                    break
                silent = end
        return silent

    # From a session's reports

    def take(self, report: Report, at: float) -> None:
        """Take what a session reports."""
        match report:
            case UserStarted():
                self.happened(at, "user_starts")
            case UserStopped():
                self.happened(at, "user_stops")
            case UserTurnEnded(turn, text):
                self.events.append(Understood(at, turn, text))
            case ResponseStarted(generation, kind):
                self.response(generation, at).kind = kind.value
            case SegmentAnnounced(generation, segment, words):
                self.announced(self.response(generation, at), segment, words)
            case WordHeard(generation, segment, word):
                self.heard(self.response(generation, at), segment, word)
            case AgentPaused():
                self.happened(at, "agent_pauses")
            case AgentResumed():
                self.happened(at, "agent_resumes")
            case ResponseEnded(generation, outcome, heard, written):
                self.ended(self.response(generation, at), at, outcome.value, heard, written)
            case ToolUsed(_, name, call_id, arguments, running=True):
                self.events.append(Call(at, name, call_id, json.loads(arguments)))
            case ToolUsed(call_id=call_id):
                for call in self.of(Call):
                    if call.id == call_id:
                        call.result, call.error = report.result, report.error
            case EngineFailed():
                self.trouble = self.trouble or report.message

    def announced(self, response: Response, segment: int, words: tuple[str, ...]) -> None:
        """These words are about to be spoken."""
        response.begins[segment] = len(response.words)
        response.words += words

    def heard(self, response: Response, segment: int, word: int) -> None:
        """This word is being heard."""
        response.heard = max(response.heard, response.begins.get(segment, 0) + word + 1)

    def ended(self, response: Response, at: float, outcome: str, heard: int, written: str = "") -> None:
        """A response is over."""
        response.outcome, response.heard, response.written, response.end = outcome, heard, written, at
        if outcome == "interrupted":
            self.happened(at, "agent_interrupted")
        self.happened(at, "agent_stops")
