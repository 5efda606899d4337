"""Several callers at once, each in a process of their own: started, brought to the same line, let go, and collected."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any

from benchmarks.form import REPOSITORY

CONNECT_S = 60.0
"""Starting a Python with aiortc takes seconds of a busy core, for each."""
QUESTION_S = 60.0
"""The longest a question and its answer may take."""


@dataclass(frozen=True, slots=True)
class Crowding:
    """Who calls, and what they do."""

    callers: int
    questions: int
    longest_s: float
    """Of what is said."""
    whole: bool
    """Answers are heard to their end."""
    greeted: bool
    """The agent begins the call."""


@dataclass(slots=True)
class Report:
    """What one caller had to say."""

    greeting: str
    """connected, refused, or what went wrong."""
    questions: list[dict[str, Any]] = field(default_factory=list)
    """Samples of `conversations.ask`."""
    errors: list[str] = field(default_factory=list)
    cpu_percent: float | None = None
    """Of a core, while asking; None of one who was cut off."""


def crowd(url: str, crowding: Crowding, mark: Callable[[], None], limit: float | None) -> list[Report]:
    """Run the callers and return their reports.

    `mark` is called when all are there (or turned away) and nobody has spoken yet, and again when all have hung up. Who
    has not finished by `limit`, on the monotonic clock, is cut off.
    """
    callers = [_start(url, crowding, number) for number in range(crowding.callers)]
    try:
        with ThreadPoolExecutor(len(callers)) as pool:
            connect_by = min(time.monotonic() + CONNECT_S, limit or inf)
            reports = list(pool.map(lambda caller: _greeting(caller, connect_by), callers))
            mark()
            ask_by = min(time.monotonic() + crowding.questions * QUESTION_S, limit or inf)
            list(pool.map(lambda caller, report: _collect(caller, report, ask_by), callers, reports))
    finally:
        for caller in callers:
            caller.kill()
            caller.communicate()
    mark()
    return reports


def _greeting(caller: "subprocess.Popen[str]", until: float) -> Report:
    assert caller.stdout is not None
    with _cut_off(caller, until):
        return Report(caller.stdout.readline().strip() or "no word in time")


def _collect(caller: "subprocess.Popen[str]", report: Report, until: float) -> None:
    assert caller.stdin is not None
    assert caller.stdout is not None
    if report.greeting != "connected":
        return
    with _cut_off(caller, until):
        caller.stdin.write("go\n")
        caller.stdin.flush()
        for line in caller.stdout:
            match json.loads(line):
                case {"question": question}:
                    report.questions.append(question)
                case {"error": error}:
                    report.errors.append(error)
                case {"cpu_percent": percent}:
                    report.cpu_percent = percent
        caller.wait()


@contextmanager
def _cut_off(caller: "subprocess.Popen[str]", until: float) -> Iterator[None]:
    """End the caller at that time, and with it every wait for what they say."""
    timer = threading.Timer(max(0.0, until - time.monotonic()), caller.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _start(url: str, crowding: Crowding, number: int) -> "subprocess.Popen[str]":
    arguments = [url, "--number", number, "--questions", crowding.questions, "--longest", crowding.longest_s]
    switches = [f"--{name}" for name in ("whole", "greeted") if getattr(crowding, name)]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.one_caller", *map(str, arguments), *switches],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
