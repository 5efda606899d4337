"""How well a server serves several callers at once: each a real WebRTC client in a process of its own, on one machine.

For 1, 2, 4 ... callers, who ask the same questions at their own pace: voice-to-voice at each listener, silences in the
middle of answers, how late the server's event loop runs, and what a session costs in CPU. The callers' own work takes
its share of the same cores; `callers_cpu_percent` says how much.

A silence in mid-response is a time the playout ran dry (as the server counts them) or a packet later than a packet.
"""

import signal
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from benchmarks import corpus, form
from benchmarks.crowding import Crowding, crowd
from benchmarks.form import Target, percentile
from benchmarks.prometheus import Scrape, scrape
from benchmarks.served import serving
from voiceagent.errors import VoiceAgentError

NAME = "sessions"
TARGETS = (
    Target("v2v_p95_ratio_2_vs_1", 1.6),
    Target("loop_lag_ms_p99", 10),
    Target("mid_response_silences", 0),
)
QUICK_SETS = ("session.greeting=''", "llm.max_tokens=30")
CLOSING_S = 6.0
"""What a quick run keeps for stopping the server and writing."""
LATE_MS = 20.0
"""A packet this late is heard as a gap by a listener without a buffer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    levels: tuple[int, ...]
    questions: int
    longest_s: float
    whole: bool


FULL = Plan((1, 2, 3, 4), 24, corpus.LONGEST_S, whole=True)
QUICK = Plan((1, 2, 4), 2, 2.5, whole=False)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    began = time.monotonic()
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of them")
    line.add_argument("--url", help="measure a running server instead of starting one")
    line.add_argument("--callers", type=int, nargs="+", help="how many at once, one after the other: 1 2 4 8")
    options = line.parse_args(arguments)
    plan = QUICK if options.quick else FULL
    sets = [*options.set, *(QUICK_SETS if options.quick else ())]
    report = form.Report(NAME, form.command(NAME, arguments))
    levels = report.samples["levels"] = []
    with nullcontext(options.url) if options.url else serving(options.config, sets) as url:
        limit = began + form.QUICK_S - CLOSING_S if options.quick else None
        for callers in options.callers or plan.levels:
            if limit is not None and time.monotonic() > limit - CLOSING_S:
                form.progress("Time is up; what was measured so far counts.")
                break
            greets = not options.quick or options.url is not None
            levels.append(measure(url, Crowding(callers, plan.questions, plan.longest_s, plan.whole, greets), limit))
            form.progress(f"{time.monotonic() - began:4.0f} s  {row(levels[-1])}")
    report.summary = summarise(levels)
    if options.json:
        report.write(options.json)
    print(show(report))
    return 0


def measure(url: str, crowding: Crowding, limit: float | None) -> dict[str, Any]:
    """Let so many callers talk at once; return what they and the server saw. `limit` is on the monotonic clock."""
    marks: list[tuple[float, Scrape]] = []
    reports = crowd(url, crowding, lambda: marks.append((time.monotonic(), scrape(url))), limit)
    (start, before), (end, after) = marks
    questions = [{"caller": number, **asked} for number, report in enumerate(reports) for asked in report.questions]
    late = sum(ms >= LATE_MS for sample in questions for ms in sample["stalls_ms"])
    usages = [report.cpu_percent for report in reports if report.cpu_percent is not None]
    lag_s = after.quantile("voiceagent_loop_lag_seconds", 0.99, before)
    return {
        "callers": crowding.callers,
        "admitted": sum(report.greeting == "connected" for report in reports),
        "seconds": round(end - start, 1),
        "server_cpu_percent": round(100 * after.grown("process_cpu_seconds_total", before) / (end - start), 1),
        "server_memory_mib": round(after.value("process_resident_memory_bytes") / 2**20, 1),
        "callers_cpu_percent": round(sum(usages), 1) if usages else None,
        "loop_lag_ms_p99": None if lag_s is None else round(lag_s * 1000, 1),
        "underruns": after.grown("voiceagent_underruns_total", before),
        "late_packets": late,
        "misses": after.grown("voiceagent_step_misses_total", before),
        "errors": [error for report in reports for error in report.errors],
        "questions": questions,
    }


def summarise(levels: list[dict[str, Any]]) -> dict[str, float | int | None]:
    """Return the flat summary; None for what was not measured."""
    summary: dict[str, float | int | None] = {}
    p95: dict[int, float | None] = {}
    for level in levels:
        callers = level["callers"]
        waits = [sample["v2v_ms"] for sample in level["questions"] if sample["v2v_ms"] is not None]
        p95[callers] = percentile(waits, 95)
        summary |= {
            f"v2v_ms_p50_{callers}": percentile(waits, 50),
            f"v2v_ms_p95_{callers}": p95[callers],
            f"no_answer_count_{callers}": sum(sample["outcome"] is None for sample in level["questions"]),
            f"mid_response_silences_{callers}": level["underruns"] + level["late_packets"],
            f"loop_lag_ms_p99_{callers}": level["loop_lag_ms_p99"],
            f"cpu_percent_per_session_{callers}": round(level["server_cpu_percent"] / max(1, level["admitted"]), 1),
        }
    one, two = p95.get(1), p95.get(2)
    full = [level for level in levels if level["admitted"] == level["callers"] and not level["errors"]]
    upto_two = [level for level in levels if level["callers"] <= 2]
    lags = [level["loop_lag_ms_p99"] for level in upto_two if level["loop_lag_ms_p99"] is not None]
    return {
        "v2v_p95_ratio_2_vs_1": round(two / one, 2) if one and two else None,
        "callers_admitted": max((level["admitted"] for level in levels), default=None),
        "callers_answered": max((level["callers"] for level in full), default=0),
        "loop_lag_ms_p99": max(lags, default=None),
        "mid_response_silences": sum(level["underruns"] + level["late_packets"] for level in upto_two)
        if upto_two
        else None,
        **summary,
    }


def row(level: dict[str, Any]) -> str:
    """Say in a line what came of a number of callers."""
    kept = {key: value for key, value in level.items() if not isinstance(value, list)}
    return ", ".join(f"{key} {value}" for key, value in kept.items())


def show(report: form.Report) -> str:
    """Lay out the results for people."""
    return f"\n{form.results(report.summary, TARGETS)}"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `serving`, so that no server is left behind
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
