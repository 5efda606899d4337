"""An agent begins with what was measured."""

import asyncio
from datetime import date
from pathlib import Path

import pytest

from voiceagent.app import agent as agent_module
from voiceagent.app.agent import Agent
from voiceagent.app.calibration import lookup
from voiceagent.app.calibration.files import keep
from voiceagent.app.calibration.form import Calibration, Measured
from voiceagent.app.settings import load_settings


def test_the_first_step_is_already_predicted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "device_name", lambda gpus: "this")
    settings = load_settings("scripted.yaml", [f"scheduler.calibration={tmp_path / 'mine.json'}"], {}).settings
    measured = Calibration(
        settings=lookup.decisive(settings),
        versions=lookup.versions(settings),
        machine={},
        measured_on=date(2026, 11, 22),
        costs={"tts.segment": {1: Measured.of([0.123])}},
        slowdowns={},
    )
    keep(tmp_path / "mine.json", "this", measured)

    async def first_step() -> float:
        agent = Agent(settings)
        await agent.start()
        heard = asyncio.Event()
        agent.engines.tts.open(lambda event: heard.set()).speak(1, 0, "Hello.", 0.0)
        await heard.wait()
        await asyncio.sleep(0)
        agent.close()
        return agent.steps.since(0.0)[0].predicted_s

    assert asyncio.run(first_step()) == 0.123
