"""A conversation in plain lines, where there is no terminal to draw on: one line for each that is complete."""

import asyncio
from collections.abc import Callable

from voiceagent.local.door import LocalDoor
from voiceagent.local.transcript import AgentEntry, Entry, Note, Transcript, UserEntry
from voiceagent.session.reports import Report

LOOKED_AT_S = 0.5


def line_of(entry: Entry) -> str:
    """Return an entry as a line: of a response, what was heard, and in brackets what was cut."""
    match entry:
        case UserEntry(_, text, aside=True):
            return f"you: {text} (set aside)"
        case UserEntry(_, text):
            return f"you: {text}"
        case Note(text):
            return f"({text})"
        case AgentEntry():
            heard, rest = " ".join(entry.words[: entry.heard]), " ".join(entry.words[entry.heard :])
            took = "" if entry.answered_ms is None else f" ({entry.answered_ms / 1000:.2f} s)"
            return f"agent{took}: {heard}{' ' if heard and rest else ''}{f'[{rest}]' if rest else ''}"


class Plain:
    """Writes a door's conversation; `report` belongs to the session."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._transcript = Transcript()

    def report(self, report: Report) -> None:
        """Take a report of the session."""
        if (entry := self._transcript.take(report)) is not None:
            self._write(line_of(entry))

    async def show(self, door: LocalDoor) -> None:
        """Write troubles and gaps as they come, until cancelled."""
        trouble, gaps = "", 0
        while True:
            status = door.status()
            if status.trouble != trouble:
                trouble = status.trouble
                self._write(f"({trouble or f'{status.input}, {status.output}: all is well again.'})")
            if (now := status.counts.gaps + status.counts.overruns) != gaps:
                self._write(f"({now - gaps} gaps in the sound: this machine was late)")
                gaps = now
            await asyncio.sleep(LOOKED_AT_S)
