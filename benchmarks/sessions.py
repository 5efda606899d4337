"""How well a server serves several callers at once: each a real WebRTC client in a process of its own, on one machine.

For 1, 2, 4 ... callers, who ask the same questions at their own pace: voice-to-voice at each listener, silences in the
middle of answers, how late the server's event loop runs, and its use of CPU and GPU. The callers' own work uses
the same cores; `callers_cpu_percent` says how much.

With `--limit` the callers come one by one, and those that admission lets in are measured (`limit.py`).
"""

import signal
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from benchmarks import corpus, form, limit
from benchmarks.crowding import ConversationConfig, crowd
from benchmarks.form import Target, percentile
from benchmarks.level import row, silences, unanswered, waits_ms, watching
from benchmarks.served import serving
from voiceagent.errors import VoiceAgentError

NAME = "sessions"
TARGETS = (
    Target("v2v_p95_ratio_2_vs_1", 1.6),
    Target("loop_lag_ms_p99", 10),
    Target("mid_response_silences", 0),
)
LEVELS, QUICK_LEVELS = (1, 2, 3, 4), (1, 2, 4)
QUICK_SETS = ("session.greeting=''", "llm.max_tokens=30")
CLOSING_S = 6.0
"""What a quick run keeps for stopping the server and writing."""


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    began = time.monotonic()
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of them")
    line.add_argument("--url", help="measure a running server instead of starting one")
    kind = line.add_mutually_exclusive_group()
    kind.add_argument("--callers", type=int, nargs="+", help="how many at once, one after the other: 1 2 4 8")
    kind.add_argument("--limit", action="store_true", help="one by one, until one is refused")
    options = line.parse_args(arguments)
    quick: bool = options.quick
    over_by = began + form.QUICK_S - CLOSING_S if quick else None
    plan = limit.QUICK if quick else limit.FULL
    sets = [f"server.max_sessions={plan.places}"] if options.limit else []
    sets += [*options.set, *(QUICK_SETS if quick else ())]
    report = form.Report(NAME, form.command(NAME, arguments))
    with nullcontext(options.url) if options.url else serving(options.config, sets) as url:
        greets = not quick or options.url is not None
        if options.limit:
            at_limit = limit.measure(url, plan, _config(quick=quick, greets=greets, endless=True), over_by)
            report.samples = {"arrivals": at_limit[0], "levels": [at_limit[1]]}
            report.summary = limit.summarise(*at_limit)
        else:
            levels = options.callers or (QUICK_LEVELS if quick else LEVELS)
            report.samples["levels"] = measure(url, levels, _config(quick=quick, greets=greets), over_by)
            report.summary = summarise(report.samples["levels"])
    if options.json:
        report.write(options.json)
    print(f"\n{form.results(report.summary, limit.TARGETS if options.limit else TARGETS)}")
    return 0


def measure(url: str, levels: Sequence[int], config: ConversationConfig, over_by: float | None) -> list[dict[str, Any]]:
    """Let several callers talk at once, one number after the other; return the measurements of each.

    A run that is to be over by some time, on the monotonic clock, ends with fewer.
    """
    began = time.monotonic()
    seen: list[dict[str, Any]] = []
    for callers in levels:
        if over_by is not None and time.monotonic() > over_by - CLOSING_S:
            form.progress("Time is up; what was measured so far counts.")
            break
        with watching(url) as watch:
            reports = crowd(url, callers, config, watch.mark, over_by)
        seen.append(watch.level(callers, reports))
        form.progress(f"{time.monotonic() - began:4.0f} s  {row(seen[-1])}")
    return seen


def summarise(levels: list[dict[str, Any]]) -> dict[str, float | int | None]:
    """Return the flat summary; None for what was not measured."""
    summary: dict[str, float | int | None] = {}
    p95: dict[int, float | None] = {}
    for level in levels:
        callers = level["callers"]
        waits = waits_ms(level)
        p95[callers] = percentile(waits, 95)
        summary |= {
            f"v2v_ms_p50_{callers}": percentile(waits, 50),
            f"v2v_ms_p95_{callers}": p95[callers],
            f"no_answer_count_{callers}": unanswered(level),
            f"mid_response_silences_{callers}": silences(level),
            f"loop_lag_ms_p99_{callers}": level["loop_lag_ms_p99"],
            f"cpu_percent_per_session_{callers}": round(level["server_cpu_percent"] / max(1, level["admitted"]), 1),
            f"gpu_percent_{callers}": level["gpu_percent"],
            f"gpu_memory_mib_{callers}": level["gpu_memory_mib"],
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
        "mid_response_silences": sum(map(silences, upto_two)) if upto_two else None,
        **summary,
    }


def _config(*, quick: bool, greets: bool, endless: bool = False) -> ConversationConfig:
    if quick:
        return ConversationConfig(
            questions=2, longest_s=2.5, whole=False, greeted=greets, patience_s=12.0, endless=endless
        )
    longest_s = corpus.LONGEST_S
    return ConversationConfig(
        questions=24, longest_s=longest_s, whole=True, greeted=greets, patience_s=45.0, endless=endless
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `serving` and `crowd`: no process is left behind
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
