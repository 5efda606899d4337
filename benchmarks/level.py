"""Measurements of a server while a number of callers talk to it: by the server, by its GPU, and by the callers.

A silence in mid-response is a time the playout ran dry (as the server counts them) or a packet later than a packet.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks import gpu_use
from benchmarks.crowding import Report
from benchmarks.prometheus import Scrape, scrape

LATE_MS = 20.0
"""A packet this late is heard as a gap by a listener without a buffer."""


@dataclass(slots=True)
class Watch:
    """Samples a server at the beginning and at the end of a measurement, and the GPU in between."""

    url: str
    _gpu: Sequence[gpu_use.Sample]
    _marks: list[tuple[float, Scrape]] = field(default_factory=list)

    def mark(self) -> None:
        """It begins or, the second time, ends now."""
        self._marks.append((time.monotonic(), scrape(self.url)))

    def level(self, callers: int, reports: Sequence[Report]) -> dict[str, Any]:
        """Return the measurements. Only questions asked between the marks count."""
        (start, before), (end, after) = self._marks
        questions = [
            {"caller": number, **asked}
            for number, report in enumerate(reports)
            for asked in report.questions
            if start <= asked["sent_at"] <= end
        ]
        usages = [report.cpu_percent for report in reports if report.cpu_percent is not None]
        lag_s = after.quantile("voiceagent_loop_lag_seconds", 0.99, before)
        gpu_percent, gpu_memory_mib = gpu_use.use(self._gpu, start, end)
        return {
            "callers": callers,
            "admitted": sum(report.connected for report in reports),
            "seconds": round(end - start, 1),
            "server_cpu_percent": round(100 * after.grown("process_cpu_seconds_total", before) / (end - start), 1),
            "server_memory_mib": round(after.value("process_resident_memory_bytes") / 2**20, 1),
            "gpu_percent": gpu_percent,
            "gpu_memory_mib": gpu_memory_mib,
            "callers_cpu_percent": round(sum(usages), 1) if usages else None,
            "loop_lag_ms_p99": None if lag_s is None else round(lag_s * 1000, 1),
            "underruns": after.grown("voiceagent_underruns_total", before),
            "late_packets": sum(ms >= LATE_MS for sample in questions for ms in sample["stalls_ms"]),
            "misses": after.grown("voiceagent_step_misses_total", before),
            "errors": [error for report in reports for error in report.errors],
            "questions": questions,
        }


@contextmanager
def watching(url: str) -> Iterator[Watch]:
    """Watch a server."""
    with gpu_use.sampling() as samples:
        yield Watch(url, samples)


def silences(level: dict[str, Any]) -> int:
    """Return how many were heard."""
    return int(level["underruns"]) + int(level["late_packets"])


def waits_ms(level: dict[str, Any]) -> list[float]:
    """Return voice-to-voice of every question that was answered, and not answered too soon."""
    return [sample["v2v_ms"] for sample in level["questions"] if sample["v2v_ms"] is not None]


def unanswered(level: dict[str, Any]) -> int:
    """Return how many questions got no answer."""
    return sum(sample["outcome"] is None for sample in level["questions"])


def row(level: dict[str, Any]) -> str:
    """Return it as one line."""
    kept = {key: value for key, value in level.items() if not isinstance(value, list)}
    return ", ".join(f"{key} {value}" for key, value in kept.items())
