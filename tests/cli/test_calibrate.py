"""`voiceagent calibrate` as a user meets it, with engines that cost nothing; and what doctor and serve make of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from in_process import run

from voiceagent.app.calibration import files, measure
from voiceagent.app.calibration.files import load
from voiceagent.testing import scripted_engines

SCRIPTED = ("--config", "scripted.yaml")


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines that never sleep, and folders of their own for what is measured."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "shipped", lambda: tmp_path / "configs")
    monkeypatch.setattr(measure, "build_engines", lambda settings, gpus: scripted_engines())
    (tmp_path / "configs").mkdir()


def calibrate(*arguments: str) -> Result:
    return run("calibrate", *SCRIPTED, "--seconds", "0", *arguments)


def findings() -> dict[str, str]:
    found = json.loads(run("doctor", *SCRIPTED, "--set", "server.port=0", "--json").stdout)["findings"]
    return {finding["verdict"]: finding["text"] for finding in found if finding["check"] == "calibration"}


def test_it_shows_what_it_measured_and_where_it_keeps_it(tmp_path: Path) -> None:
    result = calibrate()
    assert result.exit_code == 0, result.output
    (path,) = (tmp_path / "configs" / "calibration").iterdir()
    assert result.stdout.startswith("STEP")
    assert result.stdout.rstrip().endswith(f" cores: {path}")
    assert "callers or more can be answered within 1,200 ms" in result.stdout
    assert "measuring asr while llm runs" in result.stderr
    assert "llm.decode" in load(path).calibrations[0].costs


def test_the_file_can_be_chosen(tmp_path: Path) -> None:
    assert calibrate("-o", str(tmp_path / "deep" / "mine.json")).exit_code == 0
    assert load(tmp_path / "deep" / "mine.json").calibrations
    assert not (tmp_path / "configs" / "calibration").exists()


def test_the_doctor_knows_whether_there_is_one() -> None:
    assert "has no calibration" in findings()["warning"]
    calibrate()
    assert ", measured on 20" in findings()["ok"]


def test_the_doctor_calls_a_broken_one_a_problem(tmp_path: Path) -> None:
    calibrate()
    (path,) = (tmp_path / "configs" / "calibration").iterdir()
    path.write_text("{")
    assert "cannot be used" in findings()["problem"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--config", "absent.yaml"), "there is no such file"),
        (("-o", "{folder}/file/out.json"), "give another file with -o"),
        (("-o", "{folder}"), "is a directory"),
        (("--seconds", "-1"), "--seconds"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "file").touch()
    result = calibrate(*(word.format(folder=tmp_path) for word in arguments))
    assert result.exit_code in (1, 2)
    assert words in result.stderr
    assert "loading" not in result.stderr


def test_an_engine_that_cannot_be_loaded_ends_it_with_a_reason(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "voiceagent", "calibrate", *SCRIPTED, "-o", str(tmp_path / "out.json")]
    done = subprocess.run(
        [*command, "--set", "llm.engine=llama", "--set", "llm.model=absent.gguf"], capture_output=True
    )
    assert done.returncode == 1
    assert b"absent.gguf" in done.stderr
    assert b"Traceback" not in done.stderr
    assert not (tmp_path / "out.json").exists()


def test_a_server_whose_calibration_is_broken_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("no JSON")
    sets = (f"scheduler.calibration={tmp_path / 'mine.json'}", "server.port=0")
    done = run("serve", *SCRIPTED, *(f"--set={item}" for item in sets))
    assert done.exit_code == 1
    assert "mine.json cannot be used" in done.stderr
