"""A file with one line of JSON for every turn.

Lines are written on the event loop: a turn ends once in seconds, and its line (46 kB with 500 steps) takes 1 ms to make
and to hand to the page cache of a local disk. A network disk that stalls would stall the conversations: do not put the
file on one. A conversation never fails because a line could not be written: the error is logged once, and later lines
are still tried.
"""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from voiceagent.trace.turn import TurnTrace

log = logging.getLogger(__name__)


class TurnFile:
    """Appends turns to a file, with what was said only if `log_text`."""

    def __init__(self, path: Path, *, log_text: bool = False) -> None:
        self._path = path
        self._log_text = log_text
        self._complained = False
        self._file: TextIO | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Half a character (a lone surrogate) has no UTF-8; its backslash escape is valid JSON.
            self._file = path.open("a", buffering=1, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            self._complain(error)

    def append(self, trace: TurnTrace) -> None:
        """Write one line: the turn, and the wall-clock time (UTC) at which it was written."""
        if self._file is None:
            return
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **trace.to_json(text=self._log_text)}
        try:
            self._file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        except OSError as error:
            self._complain(error)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self._complain(error)
            self._file = None

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            log.error("cannot write turns to %s (%s); conversations continue without it", self._path, error)
