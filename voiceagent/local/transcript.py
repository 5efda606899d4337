"""The conversation as it is shown: a session's reports become entries, each of a person, the agent, or the program.

Knows no terminal.
"""

from dataclasses import dataclass, field
from typing import TypeVar

from voiceagent.session.events import Outcome
from voiceagent.session.reports import (
    EngineFailed,
    FloorChanged,
    NothingHeard,
    Report,
    ResponseEnded,
    ResponseStarted,
    SegmentAnnounced,
    TextWritten,
    ToolUsed,
    TurnTraced,
    UserText,
    UserTextWithdrawn,
    UserTurnEnded,
    WordHeard,
)

KEPT = 200
"""Entries that are kept to be shown."""


@dataclass(slots=True)
class UserEntry:
    """What the user says in a turn."""

    turn: int
    text: str
    final: bool = False
    aside: bool = False
    """It is neither answered nor remembered, and the turn's number comes again."""


@dataclass(slots=True)
class AgentEntry:
    """A response."""

    generation: int
    segments: dict[int, tuple[str, ...]] = field(default_factory=dict)
    heard: int = 0
    """Of its words."""
    outcome: Outcome | None = None
    answered_ms: float | None = None
    """From the end of the user's speech to the first sound at the ear."""

    @property
    def words(self) -> list[str]:
        """All words that have been announced."""
        return [word for words in self.segments.values() for word in words]


@dataclass(slots=True)
class Note:
    """Something that the program has to say."""

    text: str


Entry = UserEntry | AgentEntry | Note
AnyEntry = TypeVar("AnyEntry", UserEntry, AgentEntry, Note)


class Transcript:
    """Takes a session's reports."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.floor = "none"

    def note(self, text: str) -> None:
        """Say something, unless it was the last thing said."""
        if not (self.entries and isinstance(self.entries[-1], Note) and self.entries[-1].text == text):
            self._add(Note(text))

    def take(self, report: Report) -> Entry | None:
        """Take a report; return the entry that is complete now, if one is."""
        match report:
            case FloorChanged(holder):
                self.floor = holder.value
            case UserText(turn, text, final):
                self._user(turn, text, final=final)
            case UserTurnEnded(turn, text):
                return self._user(turn, text, final=True)
            case UserTextWithdrawn(turn, text):
                withdrawn = self._user(turn, text, final=True)
                withdrawn.aside = True
                return withdrawn
            case NothingHeard(turn):
                self.entries = [entry for entry in self.entries if not _is_of(entry, turn)]
            case ResponseStarted(generation):
                self._agent(generation)
            case SegmentAnnounced(generation, segment, words):
                self._agent(generation).segments[segment] = words
            case TextWritten(generation, text):
                written = self._agent(generation)
                written.segments[len(written.segments)] = tuple(text.split())
                written.heard = len(written.words)
            case WordHeard(generation):
                self._agent(generation).heard += 1
            case ResponseEnded(generation, outcome):
                return self._end(generation, outcome, report.heard_words)
            case TurnTraced(trace):
                self._agent(trace.generation).answered_ms = trace.voice_to_voice_ms
            case ToolUsed(_, name, running=True):
                self.note(f"uses {name}")
            case EngineFailed(message=message):
                self.note(message)
        return None

    def _user(self, turn: int, text: str, *, final: bool) -> UserEntry:
        for entry in reversed(self.entries):
            if isinstance(entry, UserEntry) and _is_of(entry, turn):
                entry.text, entry.final = text, final
                return entry
        return self._add(UserEntry(turn, text, final))

    def _agent(self, generation: int) -> AgentEntry:
        for entry in reversed(self.entries):
            if isinstance(entry, AgentEntry) and entry.generation == generation:
                return entry
        return self._add(AgentEntry(generation))

    def _end(self, generation: int, outcome: Outcome, heard: int) -> AgentEntry | None:
        entry = self._agent(generation)
        entry.outcome = outcome
        entry.heard = max(heard, entry.heard) if outcome is Outcome.COMPLETED else heard
        if not entry.words:
            self.entries.remove(entry)
            return None
        return entry

    def _add(self, entry: AnyEntry) -> AnyEntry:
        self.entries.append(entry)
        del self.entries[:-KEPT]
        return entry


def _is_of(entry: Entry, turn: int) -> bool:
    return isinstance(entry, UserEntry) and entry.turn == turn and not entry.aside
