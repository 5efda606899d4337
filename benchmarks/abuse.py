"""What a caller notices while somebody attacks the server: voice-to-voice during each attack, against that without.

Two callers, real WebRTC clients, ask questions all the time. The attacks (`attacks.py`) follow one another in the same
run, each from an address of loopback that is no proxy's, in a process that gives way to all others; before them the
callers are alone. `rss_growth_mib_...` is what the server's memory grew by; an attack holds 2 to 100 connections.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from benchmarks import form
from benchmarks.attacks import KINDS
from benchmarks.crowding import CallerProcess, ConversationConfig
from benchmarks.form import Target, percentile
from benchmarks.prometheus import scrape
from benchmarks.served import serving
from voiceagent.errors import VoiceAgentError

NAME = "abuse"
MOST_RATIO = 1.3
TARGETS = tuple(Target(f"v2v_p95_ratio_{kind}", MOST_RATIO) for kind in KINDS)
ALONE_S, ATTACK_S, REST_S = 30.0, 14.0, 1.0
CALLERS = 2
SHORT_S = 2.0
"""What is said lasts no longer: more questions in the same time."""
QUICK_ALONE_S, QUICK_ATTACK_S = 12.0, 8.0
SETS = ("session.greeting=''", "llm.max_tokens=30")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="which attacks")
    options = line.parse_args(arguments)
    alone_s, attack_s = (QUICK_ALONE_S, QUICK_ATTACK_S) if options.quick else (ALONE_S, ATTACK_S)
    report = form.Report(NAME, form.command(NAME, arguments))
    with serving(options.config, SETS) as url:
        phases = measure(url, options.kinds, alone_s, attack_s)
    report.samples = {"phases": phases}
    report.summary = summarise(phases)
    if options.json:
        report.write(options.json)
    print(f"\n{form.results(report.summary, TARGETS)}")
    return 0


def measure(url: str, kinds: Sequence[str], alone_s: float, attack_s: float) -> list[dict[str, Any]]:
    """Let callers ask while the attacks come and go; return the phases, the first of which is none."""
    config = ConversationConfig(8, SHORT_S, whole=False, greeted=False, patience_s=30.0, endless=True)
    phases = []
    with ExitStack() as stack:
        callers = [stack.enter_context(CallerProcess(url, config, number)) for number in range(CALLERS)]
        pool = stack.enter_context(ThreadPoolExecutor(CALLERS))
        list(pool.map(lambda caller: caller.connect(time.monotonic() + 60), callers))
        asking = [pool.submit(caller.ask) for caller in callers]
        for kind in (None, *kinds):
            time.sleep(REST_S)
            firsts, before = [len(caller.report.questions) for caller in callers], _rss_mib(url)
            attack = _begin(url, kind, attack_s) if kind else None
            most = before
            until = time.monotonic() + (attack_s if kind else alone_s)
            while time.monotonic() < until:
                time.sleep(0.5)
                most = max(most, _rss_mib(url))
            if attack is not None:
                attack.wait()
            asked = zip(callers, firsts, strict=True)
            questions = [question for caller, first in asked for question in caller.report.questions[first:]]
            phases.append({"attack": kind, "questions": questions, "rss_mib_before": before, "rss_mib_most": most})
            waits = [question["v2v_ms"] for question in questions]
            form.progress(f"{kind or 'alone':14} {waits} rss {before:.0f} -> {most:.0f} MiB")
        for caller, ended in zip(callers, asking, strict=True):
            caller.leave()
            ended.result()
    return phases


def summarise(phases: Sequence[dict[str, Any]]) -> dict[str, float | int | None]:
    """Return the flat summary; None for what was not measured."""
    alone = percentile(_waits(phases[0]), 95)
    summary: dict[str, float | int | None] = {
        "v2v_ms_p95_alone": alone,
        "question_count_alone": len(phases[0]["questions"]),
    }
    for phase in phases[1:]:
        kind, p95 = phase["attack"], percentile(_waits(phase), 95)
        summary |= {
            f"v2v_p95_ratio_{kind}": round(p95 / alone, 2) if p95 and alone else None,
            f"v2v_ms_p95_{kind}": p95,
            f"question_count_{kind}": len(phase["questions"]),
            f"no_answer_count_{kind}": sum(question["heard_at"] is None for question in phase["questions"]),
            f"rss_growth_mib_{kind}": round(phase["rss_mib_most"] - phase["rss_mib_before"], 1),
        }
    return summary


def _waits(phase: dict[str, Any]) -> list[float]:
    return [question["v2v_ms"] for question in phase["questions"] if question["v2v_ms"] is not None]


def _begin(url: str, kind: str, seconds: float) -> "subprocess.Popen[bytes]":
    arguments = [sys.executable, "-m", "benchmarks.attacks", url, "--kind", kind, "--seconds", str(seconds - 1.5)]
    return subprocess.Popen(arguments, cwd=form.REPOSITORY)


def _rss_mib(url: str) -> float:
    return scrape(url).value("process_resident_memory_bytes") / 2**20


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
