"""How well admitted callers are served: they come one by one until one is refused, and keep talking from there.

A caller who is asked to try again does so, as the page does, and counts as refused after a limit. What is measured is
the talk of those present once no more callers come. Every caller asks question after question from arrival on.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf
from typing import Any

import httpx

from benchmarks import form
from benchmarks.crowding import CONNECT_S, QUESTION_S, CallerProcess, ConversationConfig
from benchmarks.form import Target, percentile
from benchmarks.level import silences, unanswered, waits_ms, watching
from benchmarks.prometheus import scrape

TARGETS = (
    Target("limit_v2v_ms_p95", 1200),
    Target("limit_mid_response_silences", 0),
    Target("limit_loop_lag_ms_p99", 10),
)
MOST = 1024
"""More places than any server has."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How callers arrive, and how long they are measured."""

    places: int
    """The server's max_sessions."""
    every_s: float
    """From one arrival to the next; later where connecting takes longer."""
    measured_s: float


FULL = Plan(places=32, every_s=12.0, measured_s=120.0)
QUICK = Plan(places=2, every_s=2.0, measured_s=8.0)


def measure(
    url: str, plan: Plan, config: ConversationConfig, limit: float | None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the arrivals, the refused caller's the last, and the level that those present make.

    What is under way at `limit`, on the monotonic clock, is cut off.
    """
    arrivals: list[dict[str, Any]] = []
    talks = []
    with watching(url) as watch, ThreadPoolExecutor(MOST) as pool, ExitStack() as stack:
        present: list[CallerProcess] = []
        for number in _every(plan.every_s):
            caller = stack.enter_context(CallerProcess(url, config, number))
            caller.connect(by=min(time.monotonic() + CONNECT_S, limit or inf))
            slowness = round(scrape(url).value("voiceagent_step_slowness"), 2)
            arrivals.append({"caller": number, **caller.report.greeting, **_room(url), "slowness": slowness})
            form.progress(f"caller {number}: {arrivals[-1]}")
            if not caller.report.connected:
                break
            present.append(caller)
            talks.append(pool.submit(caller.ask))
        watch.mark()
        time.sleep(plan.measured_s)
        watch.mark()
        for caller in present:
            caller.leave()
        wait(talks, timeout=min(QUESTION_S, (limit or inf) - time.monotonic()))
    return arrivals, watch.level(len(present), [caller.report for caller in present]) | {"room": _room(url)}


def summarise(arrivals: Sequence[dict[str, Any]], level: dict[str, Any]) -> dict[str, float | int | None]:
    """Return the flat summary; None for what was not measured."""
    waits = waits_ms(level)
    return {
        "limit_callers": level["callers"],
        "limit_carried": arrivals[-1]["capacity"],
        "limit_retry_after_s": arrivals[-1].get("retry_after_s"),
        "limit_question_count": len(level["questions"]),
        "limit_v2v_ms_p50": percentile(waits, 50),
        "limit_v2v_ms_p95": percentile(waits, 95),
        "limit_v2v_kept_percent": form.ratio(sum(ms <= TARGETS[0].limit for ms in waits), len(waits)),
        "limit_mid_response_silences": silences(level),
        "limit_no_answer_count": unanswered(level) + len(level["errors"]),
        "limit_loop_lag_ms_p99": level["loop_lag_ms_p99"],
        "limit_server_cpu_percent": level["server_cpu_percent"],
        "limit_callers_cpu_percent": level["callers_cpu_percent"],
        "limit_gpu_percent": level["gpu_percent"],
        "limit_gpu_memory_mib": level["gpu_memory_mib"],
    }


def _every(seconds: float) -> Iterator[int]:
    """Yield 0, 1, 2, ..., one per interval in seconds; at once where it is late."""
    began = time.monotonic()
    for number in range(MOST):
        time.sleep(max(0.0, began + number * seconds - time.monotonic()))
        yield number


def _room(url: str) -> dict[str, Any]:
    """Return what the server reports: callers now, how many can be answered in time, and how many may connect."""
    with httpx.Client(base_url=url, trust_env=False) as http:
        room: dict[str, Any] = http.get("/page/config").raise_for_status().json()["callers"]
    return room
