"""Calibrating NeMo's models: their batches grow with the sessions."""

import pytest

from voiceagent.app.calibration import rounds
from voiceagent.app.calibration.measure import calibrate
from voiceagent.app.settings import load_settings

pytestmark = pytest.mark.nemo
TINY = (
    *("asr.engine=nemotron", "asr.load_format=dummy_tiny", "tts.engine=magpie", "tts.load_format=dummy_tiny"),
    *("tts.normalize=false", "vad.engine=scripted", "server.max_sessions=2"),
)


def test_streams_that_talk_at_once_share_their_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch").set_num_threads(1)
    monkeypatch.setattr(rounds, "TURNS_S", (1.0,))
    monkeypatch.setattr(rounds, "INTRODUCTION", "Hello.")
    monkeypatch.setattr(rounds, "SENTENCES", ("Yes.", "No.", "Well."))  # dummies seldom know when to end
    calibration = calibrate(load_settings("scripted.yaml", TINY, {}).settings, (), 0.0, lambda text: None)
    assert {1, 2} <= set(calibration.costs["asr.chunk"])
    assert {1, 2} <= set(calibration.costs["tts.decode"])
    assert {"tts.text", "tts.begin", "tts.sound"} <= set(calibration.costs)
    assert {"torch", "nemo-toolkit"} <= set(calibration.versions)
