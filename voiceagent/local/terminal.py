"""A conversation in a terminal: its screen, drawn again ten times a second, and its keys."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from voiceagent.local.door import LocalDoor
from voiceagent.local.keys import BACKSPACE, ENTER, ESCAPE, keys
from voiceagent.local.plain import line_of
from voiceagent.local.portaudio import without_chatter
from voiceagent.local.screen import Screen
from voiceagent.local.transcript import Transcript
from voiceagent.session.reports import Report

DRAWN_S = 0.1


def is_terminal() -> bool:
    """Return whether there is a terminal to draw on, with keys to be pressed."""
    return sys.stdin.isatty() and sys.stdout.isatty() and sys.platform != "win32"


class Terminal:
    """Shows a door's conversation; `report` belongs to the session."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._transcript = Transcript()
        self._typed: str | None = None
        self._door: LocalDoor | None = None
        self._leave = asyncio.Event()

    def report(self, report: Report) -> None:
        """Take a report of the session."""
        self._transcript.take(report)

    async def show(self, door: LocalDoor) -> None:
        """Show it until it is to be left, or cancelled; then leave what was said in the terminal."""
        self._door = door
        loop = asyncio.get_running_loop()
        console = Console(highlight=False)
        with (
            _notes(self._transcript),
            without_chatter(),
            keys(loop.add_reader, loop.remove_reader, self.press),
            Live(console=console, screen=True, auto_refresh=False, redirect_stderr=False) as live,
        ):
            while not self._leave.is_set():
                live.update(self._screen(door), refresh=True)
                await asyncio.sleep(DRAWN_S)
        for entry in self._transcript.entries:
            console.print(line_of(entry), markup=False)

    def press(self, key: str) -> None:
        """Do what a key asks for."""
        assert self._door is not None
        if self._typed is not None:
            self._type(key, self._typed)
            return
        match key:
            case " ":
                self._door.toggle()
            case "\n":
                self._typed = ""
            case "\x1b":
                self._door.session.stop_speaking()
            case "q":
                self._leave.set()

    def _type(self, key: str, typed: str) -> None:
        assert self._door is not None
        if key == ENTER:
            self._typed = None
            if typed.strip():
                self._door.session.type(typed)
        elif key == ESCAPE:
            self._typed = None
        else:
            self._typed = typed[:-1] if key == BACKSPACE else typed + key * key.isprintable()

    def _screen(self, door: LocalDoor) -> Screen:
        return Screen(self._title, self._transcript, door.status(), self._typed, push_to_talk=door.push_to_talk)


class _Notes(logging.Handler):
    """What the program would write over the screen becomes a part of it."""

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(logging.WARNING)
        self._transcript = transcript

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        self._transcript.note(record.getMessage())


@contextmanager
def _notes(transcript: Transcript) -> Iterator[None]:
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, [_Notes(transcript)]
    try:
        yield
    finally:
        root.handlers = handlers
