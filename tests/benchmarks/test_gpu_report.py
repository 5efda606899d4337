"""The report of a GPU check: whatever has come of it so far."""

import json
from pathlib import Path

import pytest

from benchmarks import form
from benchmarks.gpu_report import REPORT, main, report


def finding(check: str, verdict: str) -> dict[str, str]:
    return {"check": check, "verdict": verdict, "text": f"about {check}", "remedy": ""}


def test_a_run_that_was_cut_at_once_has_a_report(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    assert "| step | outcome | took |" in (tmp_path / REPORT).read_text()


def test_the_doctor_comes_first_and_what_is_wrong_before_what_was_not_seen(tmp_path: Path) -> None:
    verdicts = ("ok", "skipped", "problem", "warning")
    (tmp_path / "doctor.json").write_text(json.dumps({"findings": [finding(f"a {one}", one) for one in verdicts]}))
    (tmp_path / "steps.tsv").write_text("doctor\tfailed\t12\n")
    told = report(tmp_path)
    places = [told.index(f"about a {one}") for one in ("problem", "warning", "skipped")]
    assert places == sorted(places)
    assert "about a ok" not in told
    assert "1 of 4 checks are in order" in told


@pytest.mark.parametrize(
    ("check", "verdict", "status"),
    [
        ("gpu graphs", "problem", 1),
        ("asr on gpu", "problem", 1),
        ("gpu streams", "warning", 0),
        ("models", "problem", 0),
    ],
)
def test_the_check_goes_on_unless_the_gpu_has_a_problem(
    check: str, verdict: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--doctor", str(tmp_path)]) == 1, "it has not come to its end"
    (tmp_path / "doctor.json").write_text(json.dumps({"findings": [finding(check, verdict)]}))
    assert main(["--doctor", str(tmp_path)]) == status
    assert f"about {check}" in capsys.readouterr().out


def test_a_step_shows_its_numbers_and_one_that_was_cut_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form, "_kept", {})
    whole = form.Report("one", "", summary={"step_ms_p50": 1.5, "other": None})
    whole.write(tmp_path / "one.json")
    cut = form.Report("two", "", samples={"steps": [1, 2]})
    cut.keep(tmp_path / "two.json")
    form.progress("batch 4")
    (tmp_path / "two.log").write_text("\n".join(map(str, range(20))))
    (tmp_path / "three.log").write_text("no module named torch")
    (tmp_path / "steps.tsv").write_text("one\tok\t3.2\ntwo\tcut\t280\nthree\tfailed\t1\n")
    told = report(tmp_path)
    assert "| step_ms_p50 | 1.5 |" in told
    assert "| other | - |" in told
    assert "Unfinished: the run ended after: batch 4." in told
    assert "2 of steps" in told
    assert "\n19\n" in told
    assert "\n9\n" not in told
    assert "no module named torch" in told


def test_a_finished_report_is_no_longer_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "_kept", {})
    done = form.Report("one", "")
    done.keep(tmp_path / "one.json")
    form.progress("half")
    assert "unfinished" in json.loads((tmp_path / "one.json").read_text())
    done.write(tmp_path / "one.json")
    form.progress("afterwards")
    assert "unfinished" not in json.loads((tmp_path / "one.json").read_text())
    done.keep(None)
