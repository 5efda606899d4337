"""The form that all benchmarks share: `python -m benchmarks.NAME [--quick] [--json FILE]`.

A run ends in one report: what was measured (`samples`, raw), the results (`summary`, flat), and what is needed to
judge or repeat it (machine, versions, command). A report names no host and no path of the machine it was made on.

`--quick` keeps a benchmark within `QUICK_S`, at the price of few samples.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from voiceagent.engines.machine import nvidia_gpus

QUICK_S = 50.0
"""A quick run is over after this."""

PACKAGES = (
    "aiortc",
    "av",
    "hibari-tts",
    "llama-cpp-python",
    "nemo-toolkit",
    "numpy",
    "onnxruntime",
    "torch",
    "voiceagent",
)
"""Their versions decide the results."""

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Target:
    """What a number in the summary should come to."""

    key: str
    limit: float
    at_least: bool = False
    """Whether more is better."""

    def met(self, summary: dict[str, Any]) -> bool | None:
        """Return whether it is met; None where it was not measured."""
        value = summary.get(self.key)
        if value is None:
            return None
        return bool(value >= self.limit if self.at_least else value <= self.limit)


@dataclass(slots=True)
class Report:
    """One run of one benchmark."""

    benchmark: str
    command: str
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    samples: dict[str, list[Any]] = field(default_factory=dict)
    """Raw, as measured: one list for each kind."""
    summary: dict[str, float | int | None] = field(default_factory=dict)
    """None for what could not be measured."""

    def keep(self, path: Path | None) -> None:
        """From now on write what there is at every progress, marked as unfinished: a run that is cut keeps it."""
        if path is not None:
            _kept[path] = self

    def to_json(self) -> dict[str, Any]:
        """Return the report as it is written."""
        return {
            "benchmark": self.benchmark,
            "machine": machine(),
            "versions": versions(),
            "command": self.command,
            "started": self.started,
            "samples": self.samples,
            "summary": self.summary,
        }

    def write(self, path: Path) -> None:
        """Write the report as JSON, a sample on a line; the folder is made if need be."""
        _kept.pop(path, None)
        write_report(path, self.to_json())


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """Make a command line with what every benchmark takes; a benchmark may add to it."""
    line = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    line.add_argument("--quick", action="store_true", help=f"fewer samples, done within {QUICK_S:.0f} s")
    line.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    return line


def command(name: str, arguments: Sequence[str]) -> str:
    """Return the command line without what says where it was run: `--json` and addresses are left out, and of other
    paths all but the last part.
    """
    kept: list[str] = []
    skip = False
    for argument in arguments:
        option = argument.partition("=")[0]
        if skip or option in ("--json", "--url"):
            skip = not skip and "=" not in argument
            continue
        key, equals, value = argument.rpartition("=")
        kept.append(key + equals + (Path(value).name if value.startswith(("/", "~", ".")) else value))
    return " ".join([f"python -m benchmarks.{name}", *kept])


def percentile(values: Iterable[float], percent: float) -> float | None:
    """Return a percentile of the values, interpolated and rounded to 0.1; None of none."""
    data = list(values)
    return round(float(np.percentile(data, percent)), 1) if data else None


def spread(name: str, values: Iterable[float]) -> dict[str, float | None]:
    """Return median, P90 and maximum as `NAME_p50`, `NAME_p90` and `NAME_max`."""
    data = list(values)
    return {f"{name}_{key}": percentile(data, percent) for key, percent in (("p50", 50), ("p90", 90), ("max", 100))}


def ratio(part: float, whole: float) -> float | None:
    """Return `part` as a percentage of `whole`, None of nothing."""
    return round(100 * part / whole, 2) if whole else None


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out a table for a terminal: the first column to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    lines = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in cells)
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def results(summary: Mapping[str, Any], targets: Sequence[Target]) -> str:
    """Lay out a summary next to its targets."""
    verdicts = {True: "met", False: "MISSED", None: "not measured"}
    by_key = {target.key: target for target in targets}
    rows = []
    for key, value in summary.items():
        target = by_key.get(key)
        goal = "" if target is None else f"{'>=' if target.at_least else '<='} {target.limit:g}"
        verdict = "" if target is None else verdicts[target.met(dict(summary))]
        rows.append((key, "-" if value is None else value, goal, verdict))
    return table(("measured", "value", "target", ""), rows)


def machine() -> dict[str, Any]:
    """Describe the processor, the memory, and the GPUs if there are any."""
    about = {"cpu": _cpu(), "cores": os.cpu_count(), "memory_gib": _memory_gib(), "system": platform.system()}
    gpus = [f"{gpu.name}, driver {gpu.driver}" for gpu in nvidia_gpus()]
    return about | ({"gpus": gpus} if gpus else {})


def versions() -> dict[str, Any]:
    """Return the versions of Python, of the packages that matter, and of this repository."""
    packages: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            packages[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            packages[package] = None
    return {"python": platform.python_version(), "packages": packages, "git_commit": _commit()}


def _lines(value: Any, depth: int, indent: str = "") -> str:
    """Return JSON that is broken into lines in its outer `depth` levels only."""
    if depth == 0 or not isinstance(value, dict | list) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {_lines(item, depth - 1, inner)}" for key, item in value.items()]
    else:
        items = [_lines(item, depth - 1, inner) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(items) + f"\n{indent}{closing}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_gib() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def _commit() -> str | None:
    def git(*arguments: str) -> str:
        done = subprocess.run(("git", *arguments), cwd=REPOSITORY, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("-modified" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def progress(text: str) -> None:
    """Print progress on stderr, and write the reports that are kept."""
    print(text, file=sys.stderr, flush=True)
    for path, report in _kept.items():
        write_report(path, report.to_json() | {"unfinished": f"the run ended after: {text}"})


_kept: dict[Path, Report] = {}


def write_report(path: Path, content: dict[str, Any]) -> None:
    """Write a report in the place of an older one, which stays whole until then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(_lines(content, depth=3) + "\n", encoding="utf-8")
    unfinished.replace(path)
