"""What `make gpu-check` has found so far, for people: `python -m benchmarks.gpu_report FOLDER` writes its report.md.

It is written after every step, from the files that the steps leave: `steps.tsv` (name, outcome, seconds), the JSON and
the log of each. A step that was cut shows what it had measured. With `--doctor` it prints what the doctor found
instead, and fails where the GPU has a problem.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voiceagent.engines.finding import Verdict

REPORT, STEPS, DOCTOR = "report.md", "steps.tsv", "doctor.json"
TOLD = 8
"""Lines of the log of a step that failed."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was run."""

    name: str
    outcome: str
    """"ok", "failed" or "cut": over its time limit."""
    seconds: float


def main(arguments: Sequence[str]) -> int:
    """Write the report of a folder, or print what the doctor found; return the exit status."""
    folder = Path(arguments[-1])
    if "--doctor" in arguments:
        return tell(folder / DOCTOR)
    (folder / REPORT).write_text(report(folder), encoding="utf-8")
    return 0


def report(folder: Path) -> str:
    """Return the report in Markdown."""
    steps = read_steps(folder / STEPS)
    machine = folder / "machine.txt"
    told = machine.read_text(encoding="utf-8").strip() if machine.is_file() else "nothing is known of the machine"
    rows = [f"| {step.name} | {step.outcome} | {step.seconds:.0f} s |" for step in steps]
    parts = ["# GPU check", f"```\n{told}\n```", "\n".join(["| step | outcome | took |", "| --- | --- | --- |", *rows])]
    return "\n\n".join([*parts, *(part for step in steps for part in _about(folder, step))]) + "\n"


def tell(path: Path) -> int:
    """Print what the doctor found; return 1 where there is nothing, or the GPU has a problem."""
    found = _read(path)
    for one in found["findings"] if found else ():
        print(f"{one['verdict']:<8} {one['check']:<11} {one['text']}")
    return int(
        not found or any(one["verdict"] == Verdict.PROBLEM and "gpu" in one["check"] for one in found["findings"])
    )


def read_steps(path: Path) -> list[Step]:
    """Return the steps that were run, in order."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [Step(name, outcome, float(seconds)) for name, outcome, seconds in (line.split("\t") for line in lines)]


def _about(folder: Path, step: Step) -> Iterator[str]:
    """Yield what a step found: a table of its numbers, or the end of its log."""
    yield f"## {step.name}"
    if step.name == "doctor":
        yield from _doctor(folder / DOCTOR)
        return
    found = _read(folder / f"{step.name}.json")
    if found is not None:
        if why := found.get("unfinished"):
            yield f"Unfinished: {why}."
        if found["summary"]:
            rows = [f"| {key} | {'-' if value is None else value} |" for key, value in found["summary"].items()]
            yield "\n".join(["| measured | value |", "| --- | --- |", *rows])
        else:
            samples = {kind: len(values) for kind, values in found["samples"].items()}
            yield f"Measured so far: {', '.join(f'{count} of {kind}' for kind, count in samples.items()) or 'nothing'}."
    log = folder / f"{step.name}.log"
    if log.is_file() and (found is None or step.outcome != "ok"):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        yield "```\n" + "\n".join(lines[-TOLD:]) + "\n```"


def _doctor(path: Path) -> Iterator[str]:
    """Yield what the doctor did not find in order, and what could not be seen."""
    found = _read(path)
    if found is None:
        yield "It did not come to its end: see doctor.log."
        return
    order = (Verdict.PROBLEM, Verdict.WARNING, Verdict.SKIPPED)
    for verdict in order:
        lines = [f"- {one['check']}: {one['text']}" for one in found["findings"] if one["verdict"] == verdict]
        if lines:
            yield f"**{verdict}**\n\n" + "\n".join(lines)
    good = sum(one["verdict"] == Verdict.OK for one in found["findings"])
    yield f"{good} of {len(found['findings'])} checks are in order."


def _read(path: Path) -> Any:
    """Return the content of a JSON file; None where it is not there, or not whole."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
