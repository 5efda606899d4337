"""Computes the capacity in a process of its own, at a low priority.

It takes seconds of plain Python: on a thread it would block the event loop and take a core from the lanes. Beside it,
on two cores, answers take twice as long, however low its priority: so it stands still while a caller waits.
"""

import asyncio
import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from threading import Thread

from voiceagent.scheduler.admission.search import Question, max_callers

log = logging.getLogger(__name__)

NICENESS = 15
"""A tenth of a lane's weight: little enough for the lanes, and still an answer in time on a busy machine."""

PAUSE_S = 1.0
"""How long it stands still for a caller who waits; after that it goes on, even if one still waits."""
PAUSE = getattr(signal, "SIGURG", None)
"""Asks it to: a signal that does nothing to a process which has just begun, and does not handle it yet."""


class ForecastProcess:
    """A forecast under way. `take` gets the answer on the running event loop, or None if there is none."""

    def __init__(self, question: Question, take: Callable[[int | None], None]) -> None:
        self._question = question
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._child: subprocess.Popen[bytes] | None = None
        self._cancelled = False
        self._pause_after = -inf
        Thread(target=self._run, name="forecast", daemon=True).start()

    def cancel(self) -> None:
        """End it; `take` is no longer called."""
        self._cancelled = True
        if self._child is not None:
            self._child.kill()

    def pause(self) -> None:
        """Stand still for PAUSE_S, unless it has just done so: it gets on with at least half of the time."""
        now = self._loop.time()
        if self._child is not None and now >= self._pause_after and PAUSE is not None:
            self._child.send_signal(PAUSE)
            self._pause_after = now + 2 * PAUSE_S

    def _run(self) -> None:
        answer = self._ask()
        if not self._cancelled:
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                self._loop.call_soon_threadsafe(self._take, answer)

    def _ask(self) -> int | None:
        try:
            command = [sys.executable, "-c", f"from {__name__} import answer; answer()"]
            # In a session of its own: Ctrl-C in a terminal reaches all its processes; this one is ended by `cancel`.
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            ) as child:
                self._child = child
                if self._cancelled:
                    child.kill()
                output, _ = child.communicate(pickle.dumps(self._question))
            return int(output)
        except (OSError, ValueError) as error:
            if not self._cancelled:
                log.error("the capacity could not be computed", exc_info=error)
            return None


def answer() -> None:
    """Run in that process: read the question from stdin and write the answer to stdout."""
    os.nice(NICENESS)
    if PAUSE is not None:
        signal.signal(PAUSE, lambda *_: time.sleep(PAUSE_S))
    print(max_callers(pickle.load(sys.stdin.buffer)))
