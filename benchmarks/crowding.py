"""Callers in processes of their own: started, connected, released, collected, and always stopped at the end."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from types import TracebackType
from typing import Any, Self

from benchmarks.form import REPOSITORY

CONNECT_S = 60.0
"""Starting a Python with aiortc takes seconds of a busy core, for each; and the server may ask some to try again."""
QUESTION_S = 60.0
"""The longest a question and its answer may take."""


@dataclass(frozen=True, slots=True)
class ConversationConfig:
    """The callers' behaviour."""

    questions: int
    longest_s: float
    """Of what is said."""
    whole: bool
    """Answers are heard to their end."""
    greeted: bool
    """The agent begins the call."""
    patience_s: float = 0.0
    """How long they keep trying again, as the server asks, while it is too busy for them."""
    endless: bool = False
    """They keep asking until they are stopped."""


@dataclass(slots=True)
class Report:
    """One caller's report."""

    greeting: dict[str, Any] = field(default_factory=lambda: {"greeting": "no word in time"})
    """The first line of `one_caller`."""
    questions: list[dict[str, Any]] = field(default_factory=list)
    """Samples of `conversations.ask`."""
    errors: list[str] = field(default_factory=list)
    cpu_percent: float | None = None
    """Of a core, while asking; None of one who was cut off."""
    stray_words: int | None = None
    """Words that were told of a response after the next one had begun; None likewise."""

    @property
    def connected(self) -> bool:
        """Whether they were let in, and greeted."""
        return self.greeting["greeting"] == "connected"


class CallerProcess:
    """One caller: `connect`, then `ask`. The process ends with the `with`, whatever its state."""

    def __init__(
        self, url: str, config: ConversationConfig, number: int, loss: float = 0.0, reorder: float = 0.0
    ) -> None:
        self.report = Report()
        arguments = [url, "--number", number, "--questions", config.questions, "--longest", config.longest_s]
        arguments += ["--patience", config.patience_s, "--loss", loss, "--reorder", reorder]
        switches = [f"--{name}" for name in ("whole", "greeted", "endless") if getattr(config, name)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.one_caller", *map(str, arguments), *switches],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self.leave()
        self._from.close()

    def connect(self, by: float) -> None:
        """Wait until they are connected, and greeted, or turned away: by that time, on the monotonic clock."""
        with self._cut_off(by):
            if line := self._from.readline():
                self.report.greeting = json.loads(line)

    def ask(self, by: float = inf) -> None:
        """Let them ask, and record what they report until they have hung up."""
        if not self.report.connected:
            return
        with self._cut_off(by):
            with suppress(BrokenPipeError):  # they are gone, and have reported why
                print("go", file=self._to, flush=True)
            for line in self._from:
                match json.loads(line):
                    case {"question": question}:
                        self.report.questions.append(question)
                    case {"error": error}:
                        self.report.errors.append(error)
                    case {"cpu_percent": percent, "stray_words": strays}:
                        self.report.cpu_percent, self.report.stray_words = percent, strays
            if (status := self._process.wait()) > 0:
                self.report.errors.append(f"The caller's program ended with status {status}.")

    def vanish(self) -> None:
        """End the process without a word to the server."""
        self._process.kill()

    def leave(self) -> None:
        """Ask an endless caller to hang up after the question under way."""
        with suppress(BrokenPipeError):
            self._to.close()

    @contextmanager
    def _cut_off(self, at: float) -> Iterator[None]:
        """End the process at that time, and with it every wait for its output."""
        timer = threading.Timer(min(max(0.0, at - time.monotonic()), threading.TIMEOUT_MAX), self._process.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def crowd(
    url: str, count: int, config: ConversationConfig, mark: Callable[[], None], limit: float | None
) -> list[Report]:
    """Run several callers at once and return their reports.

    `mark` is called when all are connected (or refused) and none has spoken yet, and again when all have hung up. A
    caller who has not finished by `limit`, on the monotonic clock, is cut off.
    """
    with ThreadPoolExecutor(count) as pool, ExitStack() as stack:
        callers = [stack.enter_context(CallerProcess(url, config, number)) for number in range(count)]
        connect_by = min(time.monotonic() + CONNECT_S, limit or inf)
        list(pool.map(lambda caller: caller.connect(connect_by), callers))
        mark()
        ask_by = min(time.monotonic() + config.questions * QUESTION_S, limit or inf)
        list(pool.map(lambda caller: caller.ask(ask_by), callers))
    mark()
    return [caller.report for caller in callers]
