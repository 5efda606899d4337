"""How many callers a device can serve, and how long they wait, under our policy and under others: a simulation.

Real sessions, scheduler and policy with scripted engines on the virtual clock (`benchmarks/simulation.py`); step times
from tables of published and measured numbers (`benchmarks/cost_tables.py`). Compared are our policy, FIFO, round-robin,
and the hand-shake of pipecat-ai/nemotron-january-2026, whose LLM waits for the voice after every sentence.

A device can serve a number of callers if P95 voice-to-voice stays within the promise and no caller hears a silence in
mid-response, at this and at every smaller number. Further callers would have to be refused.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import form
from benchmarks.chart import line_chart
from benchmarks.cost_tables import H200, RTX_5090, SPARK, Device, measured_cpu
from benchmarks.simulated_engines import SYSTEMS
from benchmarks.simulation import simulate
from voiceagent.errors import VoiceAgentError

NAME = "schedule"
PROMISE_MS = 1200.0
"""P95 voice-to-voice: what the CPU default's users get at the worst, and what a table of DGX Spark can keep at all."""
HOPELESS = 2.0
"""A system that misses the promise by this factor is not given more callers."""
CALLERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
QUICK_CALLERS = (1, 2, 4)
TALK_S, QUICK_TALK_S = 60.0, 20.0
TALKERS, MOST_DAYS = 24, 8
"""Smaller numbers of callers are simulated for more days, up to 8, so that as many people have talked in all."""
CLOSING_S = 12.0
"""The time that a quick run reserves for the run under way when time is up."""
TARGETS = (
    form.Target("callers_vs_fifo_spark", 2, at_least=True),
    form.Target("v2v_ms_p50_rtx5090_1", 400),
    form.Target("mid_response_silences", 0),
)

Row = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--plots", type=Path, metavar="FOLDER", help="draw a chart of each device there, as SVG")
    line.add_argument("--device", action="append", metavar="NAME", help="only this device (may be repeated)")
    options = line.parse_args(arguments)
    devices = [RTX_5090, SPARK] if options.quick else [SPARK, RTX_5090, H200, measured_cpu()]
    names = [device.name for device in devices]
    if unknown := set(options.device or ()) - set(names):
        raise VoiceAgentError(f"There is no table of {', '.join(sorted(unknown))}; choose among {', '.join(names)}.")
    report = form.Report(NAME, form.command(NAME, arguments))
    rows: list[Row] = []
    stop_at = time.monotonic() + form.QUICK_S - CLOSING_S if options.quick else float("inf")
    for device in devices:
        if not options.device or device.name in options.device:
            rows += measure(device, options.quick, stop_at)
    report.samples["runs"] = rows
    report.summary = summarise(rows)
    if options.json:
        report.write(options.json)
    if options.plots:
        draw(rows, options.plots)
    print(show(rows, report.summary))
    return 0


def measure(device: Device, quick: bool, stop_at: float) -> list[Row]:
    """Give every system more and more callers, until it fails or time is up."""
    rows: list[Row] = []
    hopeless: set[str] = set()
    for callers in QUICK_CALLERS if quick else CALLERS:
        for system in SYSTEMS:
            if system.name in hopeless or time.monotonic() > stop_at:
                continue
            seconds, days = (QUICK_TALK_S, 1) if quick else (TALK_S, max(1, TALKERS // callers))
            heard = simulate(system, device, callers, seconds, min(days, MOST_DAYS))
            v2v = {f"v2v_ms_p{percent}": form.percentile(heard.v2v_ms, percent) for percent in (50, 95, 99)}
            row: Row = {
                "device": device.name,
                "system": system.name,
                "callers": callers,
                **v2v,
                "turns": len(heard.v2v_ms),
                "unanswered": heard.unanswered,
                "silences": len(heard.silences_ms),
                "silence_ms_max": form.percentile(heard.silences_ms, 100),
            }
            rows.append(row)
            form.progress(f"{device.name}: {callers} callers, {system.name}: P95 {v2v['v2v_ms_p95']} ms")
            if heard.unanswered or (v2v["v2v_ms_p95"] or 0.0) > HOPELESS * PROMISE_MS:
                hopeless.add(system.name)
    return rows


def kept(row: Row) -> bool:
    """Return whether the promise was kept: in time, and never silent in mid-response."""
    in_time = row["v2v_ms_p95"] is not None and row["v2v_ms_p95"] <= PROMISE_MS
    return in_time and not row["silences"] and not row["unanswered"]


def capacity(rows: Sequence[Row], device: str, system: str) -> int | None:
    """Return the most callers for whom the promise was kept, at every smaller number too; None if never tried."""
    most = None
    for row in rows:
        if (row["device"], row["system"]) == (device, system):
            if not kept(row):
                return most or 0
            most = int(row["callers"])
    return most


def summarise(rows: Sequence[Row]) -> dict[str, float | int | None]:
    """Return the flat summary. Silences are counted on DGX Spark with up to twice the callers that FIFO carries."""
    numbers: dict[str, float | int | None] = {}
    for device in dict.fromkeys(row["device"] for row in rows):
        for system in SYSTEMS:
            numbers[f"callers_{system.name}_{device}".replace("-", "_")] = capacity(rows, device, system.name)
    ours, theirs = capacity(rows, SPARK.name, "ours"), capacity(rows, SPARK.name, "fifo")
    alone = [row for row in rows if (row["device"], row["system"], row["callers"]) == (RTX_5090.name, "ours", 1)]
    asked = [
        row["silences"]
        for row in rows
        if (row["device"], row["system"]) == (SPARK.name, "ours") and row["callers"] <= 2 * (theirs or 1)
    ]
    return {
        "callers_vs_fifo_spark": None if ours is None or not theirs else round(ours / theirs, 2),
        "v2v_ms_p50_rtx5090_1": alone[0]["v2v_ms_p50"] if alone else None,
        "mid_response_silences": sum(asked) if asked else None,
        **numbers,
    }


def draw(rows: Sequence[Row], folder: Path) -> None:
    """Write one chart of P95 voice-to-voice for each device; the folder is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for device in dict.fromkeys(row["device"] for row in rows):
        lines = {
            system.name: [
                (row["callers"], row["v2v_ms_p95"])
                for row in rows
                if (row["device"], row["system"]) == (device, system.name) and row["v2v_ms_p95"]
            ]
            for system in SYSTEMS
        }
        title = f"Voice-to-voice P95, simulated {device}"
        chart = line_chart(title, lines, PROMISE_MS, "callers at once (dashed: the promise)", "ms")
        (folder / f"schedule-{device}.svg").write_text(chart, encoding="utf-8")


def show(rows: Sequence[Row], summary: dict[str, float | int | None]) -> str:
    """Lay out the results for people; `refused` is how many of the callers the promise has no room for."""
    lines = []
    for row in rows:
        room = capacity(rows, row["device"], row["system"]) or 0
        beyond = max(0, row["callers"] - room)
        keys = ("v2v_ms_p50", "v2v_ms_p95", "v2v_ms_p99", "silences", "unanswered")
        lines.append((f"{row['device']} {row['system']}", row["callers"], *(row[key] for key in keys), beyond))
    head = ("device, policy", "callers", "P50 ms", "P95 ms", "P99 ms", "silences", "unanswered", "refused")
    return f"\n{form.table(head, lines)}\n\n{form.results(summary, TARGETS)}"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
