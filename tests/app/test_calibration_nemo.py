"""Calibrating NeMo's models: their batches grow with the sessions."""

from pathlib import Path

import pytest

from benchmarks.dummies.files import magpie_files, nemotron_file
from voiceagent.app.calibration import rounds
from voiceagent.app.calibration.measure import calibrate
from voiceagent.app.settings import load_settings

pytestmark = pytest.mark.nemo


def test_streams_that_talk_at_once_share_their_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch").set_num_threads(1)
    monkeypatch.setattr(rounds, "TURNS_S", (1.0,))
    monkeypatch.setattr(rounds, "INTRODUCTION", "Hello.")
    monkeypatch.setattr(rounds, "SENTENCES", ("Yes.", "No.", "Well."))  # dummies seldom know when to end
    ears, (voice, codec) = nemotron_file(folder=tmp_path), magpie_files(folder=tmp_path)
    sets = (
        *("asr.engine=nemotron", f"asr.model={ears}", "tts.engine=magpie", f"tts.model={voice}", f"tts.codec={codec}"),
        *("tts.normalize=false", "vad.engine=scripted", "server.max_sessions=2"),
    )
    calibration = calibrate(load_settings("scripted.yaml", sets, {}).settings, (), 0.0, lambda text: None)
    assert {1, 2} <= set(calibration.costs["asr.chunk"])
    assert {1, 2} <= set(calibration.costs["tts.decode"])
    assert {"tts.text", "tts.begin", "tts.sound"} <= set(calibration.costs)
    assert {"torch", "nemo-toolkit"} <= set(calibration.versions)
