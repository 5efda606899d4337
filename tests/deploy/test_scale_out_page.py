"""The numbers of docs/scale-out.md are the simulator's."""

import json
import re
from math import ceil
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPLICAS = json.loads((ROOT / "benchmarks" / "results" / "replicas.json").read_text())["summary"]
SIMULATED = json.loads((ROOT / "benchmarks" / "results" / "schedule.json").read_text())["summary"]


def test_the_processes_for_each_decade_of_callers_are_those_of_the_simulated_capacity():
    page = (ROOT / "docs" / "scale-out.md").read_text()
    rows = re.findall(r"^\| ([\d,]+) \| (\d+) \| (\d+) \|", page, re.MULTILINE)
    assert [row[0] for row in rows] == ["10", "100", "1,000", "10,000"]
    for callers, h200, rtx5090 in rows:
        number = int(callers.replace(",", ""))
        assert int(h200) == ceil(number / SIMULATED["callers_ours_h200"])
        assert int(rtx5090) == ceil(number / SIMULATED["callers_ours_rtx5090"])
    assert f"{50 * SIMULATED['callers_ours_h200']:,} each way" in page


def test_what_replicas_carry_is_as_measured():
    page = (ROOT / "docs" / "scale-out.md").read_text()
    places = REPLICAS["callers_carried_1"]
    for number in (1, 2, 4):
        assert REPLICAS[f"callers_carried_{number}"] == number * places
    words = f"one replica with {places} places carried {places} callers, two {2 * places}, four {4 * places}"
    assert words in page.replace("\n", " ")
    for what in ("answered", "connected"):
        times = " ms, ".join(f"{REPLICAS[f'{what}_ms_{way}_p50']:.0f}" for way in ("serve", "direct"))
        assert f"{times} ms without" in page, times
    assert REPLICAS["cut_calls_on_scale_down"] == 0
