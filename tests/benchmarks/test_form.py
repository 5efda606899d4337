"""One form for all benchmarks: what a report holds, and what it must not tell."""

import json
import re
from pathlib import Path

import pytest

from benchmarks import form


def test_percentiles_are_interpolated_and_nothing_has_none() -> None:
    assert form.percentile([300.0, 100.0, 200.0], 50) == 200.0
    assert form.percentile([0.0, 100.0], 90) == 90.0
    assert form.percentile([], 50) is None


def test_a_spread_is_three_numbers_named_after_what_they_measure() -> None:
    assert form.spread("wait_ms", [1.0, 2.0, 3.0]) == {"wait_ms_p50": 2.0, "wait_ms_p90": 2.8, "wait_ms_max": 3.0}


def test_a_ratio_is_a_percentage_or_unknown() -> None:
    assert form.ratio(1, 3) == 33.33
    assert form.ratio(0, 0) is None


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        (form.Target("k", 700), 700.0, True),
        (form.Target("k", 700), 700.1, False),
        (form.Target("k", 100, at_least=True), 100.0, True),
        (form.Target("k", 100, at_least=True), 99.0, False),
        (form.Target("k", 700), None, None),
    ],
)
def test_a_target_is_met_missed_or_not_measured(target: form.Target, value: float | None, met: bool | None) -> None:
    assert target.met({"k": value}) is met
    assert target.met({}) is None


def test_the_command_keeps_its_options_but_tells_no_place() -> None:
    arguments = ["--quick", "--json", "/home/me/out.json", "--url=http://box:7860", "--config", "/home/me/mine.yaml"]
    assert form.command("b", arguments) == "python -m benchmarks.b --quick --config mine.yaml"
    assert form.command("b", ["--url", "http://box:7860", "--quick"]) == "python -m benchmarks.b --quick"
    models = ["--set", "llm.model=/home/me/models/m.gguf", "--set=vad.threshold=.5", "--config=~/mine.yaml"]
    kept = "--set llm.model=m.gguf --set=vad.threshold=.5 --config=mine.yaml"
    assert form.command("b", models) == f"python -m benchmarks.b {kept}"


def test_a_report_holds_all_that_is_needed_to_judge_it(tmp_path: Path) -> None:
    report = form.Report("b", "python -m benchmarks.b", samples={"x": [1, 2]}, summary={"x_p50": 1.5})
    report.write(tmp_path / "new" / "report.json")
    written = json.loads((tmp_path / "new" / "report.json").read_text())
    assert list(written) == ["benchmark", "machine", "versions", "command", "started", "samples", "summary"]
    assert written["samples"] == {"x": [1, 2]}
    assert written["machine"]["cores"] >= 1
    assert written["machine"]["memory_gib"] > 0
    assert written["versions"]["packages"]["numpy"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", written["started"])


def test_a_sample_has_a_line_of_its_own(tmp_path: Path) -> None:
    samples = {"x": [{"a": [1, 2]}, {"a": []}], "y": []}
    form.Report("b", "python -m benchmarks.b", samples=samples).write(tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text()
    assert json.loads(text)["samples"] == samples
    assert '   {"a": [1, 2]},\n   {"a": []}\n' in text


def test_a_report_names_no_folder_of_this_machine() -> None:
    text = json.dumps(form.Report("b", form.command("b", [])).to_json())
    assert str(form.REPOSITORY) not in text
    assert str(Path.home()) not in text


def test_a_package_that_is_missing_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "PACKAGES", ("no-such-package",))
    assert form.versions()["packages"] == {"no-such-package": None}


def test_outside_a_checkout_there_is_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(form, "REPOSITORY", tmp_path / "gone")
    assert form.versions()["git_commit"] is None


def test_a_table_is_aligned() -> None:
    lines = form.table(("what", "ms"), [("silence", 64.0), ("x", 5)]).splitlines()
    assert lines == ["what       ms", "-------------", "silence  64.0", "x           5"]


def test_every_benchmark_can_be_quick_and_write_json(tmp_path: Path) -> None:
    options = form.parser("b", "about").parse_args(["--quick", "--json", str(tmp_path)])
    assert options.quick
    assert options.json == tmp_path
