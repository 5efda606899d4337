"""A day of talk, or an hour of it: does anything grow, and is anything lost?

    python -m benchmarks.soak --hours 24 --json FILE

A server with its own models (`soak_server.py`) has as many callers as it lets in, each a real WebRTC client in a
process of its own that asks question after question. All the while, by a seed, its steps raise and hang, tools fail,
its clock jumps, the disk for its traces is full, callers vanish without a word and others come in their place; every
third line loses a packet in twenty, and another third has one in twenty overtaken by the next. At the end everybody
hangs up, and what is left is compared with what was there before.

A question counts as lost if nobody understood any word of it, though no fault struck near it: `lost_words` are the
words of those. Slopes are by time, apart from what comes and goes with callers, the first ten minutes left out (of a
shorter run the first half).
"""

import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import numpy as np

from benchmarks import form
from benchmarks.crowding import CONNECT_S, CallerProcess, ConversationConfig, Report
from benchmarks.form import Target, percentile
from benchmarks.prometheus import scrape
from benchmarks.served import running
from benchmarks.soak_server import MARK
from voiceagent.errors import VoiceAgentError

NAME = "soak"
TARGETS = (
    Target("rss_slope_mb_per_h", 1.0),
    Target("fds_slope_per_h", 1.0),
    Target("leaked_tasks", 0),
    Target("lost_words", 0),
    Target("stray_words", 0),
)
WARM_S = 600.0
SETTLE_S = 25.0
"""Callers who vanished are given up after ten seconds, and their sessions end."""
VANISH_S = 45.0
"""On average so often one of the callers vanishes."""
SHADOW_S = (12.0, 15.0)
"""What is asked so long before a fault, or after its end, may suffer from it."""
AGAIN_S = 60.0
"""When another caller tries after one was refused: each takes seconds of a core to start."""
LOSS = REORDER = 0.05
MOST = 32
"""Places: more than two cores carry, so that admission decides."""
QUICK_S = 25.0


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--hours", type=float, default=24.0)
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of them")
    line.add_argument("--seed", type=int, default=0, help="decides what breaks, and when")
    line.add_argument("--every", type=float, default=20.0, help="seconds between two faults, on average; 0: none")
    line.add_argument("--callers", type=int, default=MOST, help="the most callers (default: as many as are let in)")
    options = line.parse_args(arguments)
    seconds = QUICK_S if options.quick else options.hours * 3600
    report = form.Report(NAME, form.command(NAME, arguments))
    with tempfile.TemporaryDirectory() as folder:
        sets = [f"server.max_sessions={MOST}", "trace.jsonl=/dev/full", f"session.store={folder}/kept.sqlite"]
        words = [word for one in (*sets, *options.set) for word in ("--set", one)]
        program = [sys.executable, "-m", "benchmarks.soak_server", "--config", options.config, *words]
        program += ["--seed", str(options.seed), "--every", str(options.every)]
        with running(program) as (url, said):
            crowd = Crowd(url, options.seed, options.callers, quick=options.quick)
            began, ended = crowd.talk(seconds)
            lag_s = scrape(url).quantile("voiceagent_loop_lag_seconds", 0.99, crowd.before)
            time.sleep(SETTLE_S if not options.quick else 12.0)
            told = list(lines_of(said()))
    report.samples = {
        "takes": [one["sample"] for one in told if "sample" in one],
        "faults": [one for one in told if "fault" in one],
        "vanished": [{"at": at} for at in crowd.vanished],
        "questions": [asked for one in crowd.reports for asked in map(short, one.questions)],
        "errors": [error for one in crowd.reports for error in one.errors],
    }
    report.summary = summarise(report.samples, began, ended) | {
        "callers_most": crowd.most,
        "callers_refused": crowd.refused,
        "loop_lag_ms_p99": None if lag_s is None else round(lag_s * 1000, 1),
        "stray_words": sum(one.stray_words or 0 for one in crowd.reports),
    }
    if options.json:
        report.write(options.json)
    print(f"\n{form.results(report.summary, TARGETS)}")
    return 0


class Crowd:
    """As many callers as the server lets in; some vanish, and others come."""

    def __init__(self, url: str, seed: int, most: int, *, quick: bool = False) -> None:
        self.reports: list[Report] = []
        self.vanished: list[float] = []
        self.refused = 0
        self.most = 0
        self.before = scrape(url)
        self._url = url
        self._fate = random.Random(seed)
        self._room = most
        self._number = 0
        self._config = ConversationConfig(
            questions=24, longest_s=2.5 if quick else 6.0, whole=True, greeted=True, endless=True, patience_s=0.0
        )

    def talk(self, seconds: float) -> tuple[float, float]:
        """Let them talk for so long; return when it began and ended."""
        began = time.monotonic()
        present: list[tuple[CallerProcess, Future[None]]] = []
        next_arrival, next_vanishing = began, began + self._fate.expovariate(1 / VANISH_S)
        with ThreadPoolExecutor(2 * MOST) as pool, ExitStack() as stack:
            while (now := time.monotonic()) < began + seconds:
                present = [one for one in present if not one[1].done()]
                if now >= next_arrival and len(present) < self._room:
                    next_arrival = time.monotonic() + self._arrives(present, pool, stack)
                if now >= next_vanishing and len(present) > 1:
                    self._vanishes(present)
                    next_vanishing = now + self._fate.expovariate(1 / VANISH_S)
                self.most = max(self.most, len(present))
                time.sleep(0.2)
            ended = time.monotonic()
            for caller, _ in present:
                caller.leave()
            for _, talking in present:
                talking.result(timeout=120)
        return began, ended

    def _arrives(self, present: list[Any], pool: ThreadPoolExecutor, stack: ExitStack) -> float:
        """Let one more come; return after how many seconds the next may."""
        self._number += 1
        loss = LOSS if self._number % 3 == 0 else 0.0
        reorder = REORDER if self._number % 3 == 1 else 0.0
        caller = stack.enter_context(CallerProcess(self._url, self._config, self._number, loss=loss, reorder=reorder))
        caller.connect(by=time.monotonic() + CONNECT_S)
        if not caller.report.connected:
            self.refused += 1
            form.progress(f"caller {self._number}: {caller.report.greeting}")
            return max(AGAIN_S, float(caller.report.greeting.get("retry_after_s") or 0.0))
        self.reports.append(caller.report)
        present.append((caller, pool.submit(caller.ask)))
        form.progress(f"caller {self._number} has come: {len(present)} are there")
        return 6.0

    def _vanishes(self, present: list[Any]) -> None:
        caller, _ = present.pop(self._fate.randrange(len(present)))
        caller.vanish()
        self.vanished.append(time.monotonic())


def lines_of(output: str) -> Iterable[dict[str, Any]]:
    """Yield what the server told, among the lines of its log."""
    for line in output.splitlines():
        if line.startswith(MARK):
            yield json.loads(line)["soak"]


def short(question: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a question: a day has tens of thousands."""
    return {name: question[name] for name in ("sent_at", "v2v_ms", "outcome", "understood", "errors", "words")}


def summarise(samples: dict[str, list[Any]], began: float, ended: float) -> dict[str, float | int | None]:
    """Return the flat summary; None for what was not measured."""
    takes, faults, questions = samples["takes"], samples["faults"], samples["questions"]
    warm = began + min(WARM_S, (ended - began) / 2)
    during = [one for one in takes if warm <= one["at"] <= ended]
    before = [one for one in takes if one["at"] <= began] or takes[:1]
    calm = [one for one in questions if not in_shadow(one["sent_at"], faults)]
    waits = [one["v2v_ms"] for one in calm if one["v2v_ms"] is not None]
    left = {
        f"leaked_{name}": max(0, takes[-1][name] - max(one[name] for one in before)) if takes else None
        for name in ("tasks", "threads", "fds")
    }
    return {
        "hours": round((ended - began) / 3600, 3),
        "rss_slope_mb_per_h": slope(during, "rss_mb"),
        "fds_slope_per_h": slope(during, "fds"),
        "threads_slope_per_h": slope(during, "threads"),
        "tasks_slope_per_h": slope(during, "tasks"),
        "rss_mb_end": takes[-1]["rss_mb"] if takes else None,
        **left,
        "faults": len(faults),
        "vanished": len(samples["vanished"]),
        "questions": len(questions),
        "questions_calm": len(calm),
        "unanswered_calm": sum(one["outcome"] is None for one in calm),
        "lost_words": sum(one["words"] for one in calm if not one["understood"]),
        "v2v_calm_ms_p50": percentile(waits, 50),
        "v2v_calm_ms_p95": percentile(waits, 95),
    }


def in_shadow(at: float, faults: Iterable[dict[str, Any]]) -> bool:
    """Return whether a question may have suffered from a fault."""
    before, after = SHADOW_S
    return any(fault["at"] - before <= at <= fault["at"] + fault["lasts_s"] + after for fault in faults)


def slope(takes: Sequence[dict[str, Any]], name: str) -> float | None:
    """Return by how much something grows in an hour, apart from what comes and goes with callers (least squares); None
    if it was seen less than three times."""
    if len(takes) < 3:
        return None
    hours = (np.array([one["at"] for one in takes]) - takes[0]["at"]) / 3600
    callers = np.array([one["callers"] for one in takes])
    causes = np.stack([hours, callers, np.ones(len(takes))], axis=1)
    grown, *_ = np.linalg.lstsq(causes, np.array([one[name] for one in takes]), rcond=None)[0]
    return round(float(grown), 2) + 0.0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
