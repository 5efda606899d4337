"""Calibrations on disk: written whole, read with care, and found for the device and settings that they hold for."""

import json
import logging
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from voiceagent.app.calibration import costs_for, files, find
from voiceagent.app.calibration.files import default_place, file_name, keep, load, require_place
from voiceagent.app.calibration.form import Calibration, Measured
from voiceagent.app.calibration.lookup import decisive, device_name, machine, versions
from voiceagent.app.settings import load_settings
from voiceagent.config import Settings
from voiceagent.engines.machine import Gpu
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.costs import UNKNOWN_S

DEVICE = "Vintage(R) CPU @ 1.0GHz, 2 cores"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this device's calibrations: that of a checkout."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "shipped", lambda: tmp_path / "configs")
    (tmp_path / "configs" / "calibration").mkdir(parents=True)
    return tmp_path / "configs" / "calibration"


def settings(*sets: str) -> Settings:
    return load_settings("cpu.yaml", sets, {}).settings


def calibration(of: Settings, step_s: float = 0.010) -> Calibration:
    return Calibration(
        settings=decisive(of),
        versions=versions(of),
        machine=machine(),
        measured_on=date(2026, 11, 22),
        costs={"llm.step": {1: Measured.of([step_s] * 3), 4: Measured.of([n / 1000 for n in range(1, 10)])}},
        slowdowns={"llm": {"asr": 1.5}},
    )


def test_what_is_kept_is_read_again_and_seeds_the_costs(place: Path) -> None:
    path = place / file_name(DEVICE)
    keep(path, DEVICE, calibration(settings()))
    assert load(path).calibrations == (calibration(settings()),)
    costs = costs_for(settings(), DEVICE)
    assert costs.predict(("llm.step", 1)) == 0.010
    assert costs.predict(("llm.step", 4)) == 0.007
    assert costs.slowdown("llm", "asr") == 1.5
    assert list(place.iterdir()) == [path]


def test_a_file_is_one_that_people_can_read(place: Path) -> None:
    keep(place / "it.json", DEVICE, calibration(settings()))
    text = (place / "it.json").read_text(encoding="utf-8")
    assert '"eighths_ms": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]' in text
    assert text.endswith("}\n")


def test_each_configuration_has_its_own_place_in_the_file_of_a_device(place: Path) -> None:
    path = place / file_name(DEVICE)
    keep(path, DEVICE, calibration(settings(), 0.010))
    keep(path, DEVICE, calibration(settings("llm.threads=2"), 0.020))
    keep(path, DEVICE, calibration(settings(), 0.030))
    assert costs_for(settings(), DEVICE).predict(("llm.step", 1)) == 0.030
    assert costs_for(settings("llm.threads=2"), DEVICE).predict(("llm.step", 1)) == 0.020


def test_settings_that_decide_no_cost_need_no_calibration_of_their_own(place: Path) -> None:
    keep(place / file_name(DEVICE), DEVICE, calibration(settings()))
    assert find(settings("llm.temperature=0", "server.max_sessions=2", "session.greeting=Hi"), DEVICE).calibration


def test_without_a_calibration_costs_are_unknown_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "voiceagent.app.calibration.lookup"):
        costs = costs_for(settings(), DEVICE)
    assert costs.predict(("llm.step", 1)) == UNKNOWN_S
    assert caplog.messages == [f"step times: this device ({DEVICE}) has no calibration"]


def test_a_calibration_of_other_settings_is_passed_over_and_the_log_says_why(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = place / file_name(DEVICE)
    keep(path, DEVICE, calibration(settings("llm.threads=2", "tts.threads=3")))
    with caplog.at_level(logging.INFO, "voiceagent.app.calibration.lookup"):
        assert costs_for(settings(), DEVICE).predict(("llm.step", 1)) == UNKNOWN_S
    assert caplog.messages == [f"step times: {path} was measured with llm.threads=2, tts.threads=3"]


def test_a_calibration_of_other_versions_is_passed_over(place: Path) -> None:
    old = calibration(settings())
    old = old.model_copy(update={"versions": old.versions | {"onnxruntime": "0.1"}})
    keep(place / file_name(DEVICE), DEVICE, old)
    found = find(settings(), DEVICE)
    assert found.calibration is None
    assert found.text.endswith("was measured with version.onnxruntime=0.1")


def test_no_calibration_is_looked_for_where_none_is_wanted(place: Path) -> None:
    keep(place / file_name(DEVICE), DEVICE, calibration(settings()))
    assert find(settings("scheduler.calibration=none"), DEVICE).calibration is None


def test_a_calibration_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    keep(path, DEVICE, calibration(settings()))
    assert find(settings(f"scheduler.calibration={path}"), DEVICE).calibration == calibration(settings())


@pytest.mark.parametrize(
    ("device", "sets", "why"),
    [
        (DEVICE, ("asr.threads=2",), "was measured with asr.threads=1"),
        ("Another CPU", (), "is about another device, Another CPU"),
    ],
)
def test_a_named_calibration_of_no_use_is_refused(tmp_path: Path, device: str, sets: tuple[str, ...], why: str) -> None:
    path = tmp_path / "mine.json"
    keep(path, device, calibration(settings()))
    with pytest.raises(VoiceAgentError, match=why) as refused:
        find(settings(f"scheduler.calibration={path}", *sets), DEVICE)
    assert "scheduler.calibration" in str(refused.value)


def test_a_named_calibration_that_is_not_there_is_missed(tmp_path: Path) -> None:
    with pytest.raises(VoiceAgentError, match=r"absent\.json cannot be read: No such file"):
        find(settings(f"scheduler.calibration={tmp_path / 'absent.json'}"), DEVICE)


def broken(**changes: Any) -> str:
    whole = {"form": 1, "device": DEVICE, "calibrations": [calibration(settings()).model_dump(mode="json")]}
    whole["calibrations"][0] |= changes.pop("one", {})
    return json.dumps(whole | changes)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("[]", "valid dictionary"),
        ("{}", "form None"),
        (broken(form=2), "form 2, and this version writes 1"),
        (broken(one={"costs": {"llm.step": {"1": {"steps": 3, "eighths_ms": [1.0]}}}}), "eighths_ms"),
        (broken(one={"costs": {"llm.step": {"one": {}}}}), "costs.llm.step.one"),
        (broken(one={"slowdowns": {"llm": {"asr": -1.0}}}), "slowdowns.llm.asr"),
        (broken(one={"slowdowns": {"llm": {"asr": float("nan")}}}), "finite"),
        (broken(one={"surprise": 1}), "surprise"),
        ("\udcff", "utf-8"),
    ],
)
def test_a_broken_file_is_told_with_what_is_wrong_and_what_to_do(place: Path, text: str, why: str) -> None:
    (place / file_name(DEVICE)).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(VoiceAgentError) as told:
        find(settings(), DEVICE)
    assert why in str(told.value)
    assert "delete it, and run `voiceagent calibrate` again" in str(told.value)


def test_new_ones_go_into_the_checkout_or_where_that_cannot_be_written_to_the_user(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_place(DEVICE) == place / "vintage-r-cpu-1-0ghz-2-cores.json"
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)
    own = default_place(DEVICE)
    assert own == tmp_path / "cache" / "voiceagent" / "calibration" / "vintage-r-cpu-1-0ghz-2-cores.json"


def test_ones_own_calibration_comes_before_the_shipped(place: Path, tmp_path: Path) -> None:
    own = tmp_path / "cache" / "voiceagent" / "calibration"
    own.mkdir(parents=True)
    keep(place / file_name(DEVICE), DEVICE, calibration(settings(), 0.010))
    keep(own / file_name(DEVICE), DEVICE, calibration(settings("llm.threads=2")))
    assert costs_for(settings(), DEVICE).predict(("llm.step", 1)) == 0.010
    keep(own / file_name(DEVICE), DEVICE, calibration(settings(), 0.020))
    assert costs_for(settings(), DEVICE).predict(("llm.step", 1)) == 0.020


def test_a_place_is_tried_before_anything_is_measured(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_place(place / "new" / "it.json", DEVICE)
    (place / "file").touch()
    with pytest.raises(VoiceAgentError, match="give another file with -o"):
        require_place(place / "file" / "it.json", DEVICE)
    keep(place / "it.json", "Another CPU", calibration(settings()))
    with pytest.raises(VoiceAgentError, match="about another device, Another CPU"):
        require_place(place / "it.json", DEVICE)
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)
    with pytest.raises(VoiceAgentError, match="it may not be written"):
        require_place(place / "new.json", DEVICE)


def test_a_device_is_the_gpu_that_is_used_or_the_processor() -> None:
    assert device_name((Gpu("NVIDIA H200", "580", "9.0", 1, 1),)) == "NVIDIA H200"
    assert device_name(()).endswith(" cores")
    assert file_name("NVIDIA GeForce RTX 5090") == "nvidia-geforce-rtx-5090.json"


def test_the_quantiles_kept_are_those_of_what_was_measured() -> None:
    assert Measured.of([n / 1000 for n in range(81)]).eighths_ms == tuple(range(0, 81, 10))
    assert Measured.of([0.0015]).eighths_ms == (1.5,) * 9
