import subprocess
from pathlib import Path

import pytest
from fake_docker import FakeEngine, install, main

from voiceagent.cli.containers import life
from voiceagent.cli.containers.engine import ContainerEngine
from voiceagent.engines import machine


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No GPU, no engine, no settings and no model of this machine's reach a test, and nobody waits."""
    for name in (
        "VOICEAGENT_TOKEN",
        "VOICEAGENT_CONTAINER_ENGINE",
        "HF_TOKEN",
        "HF_HOME",
        "HF_HUB_CACHE",
        "XDG_CACHE_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(machine, "nvidia_gpus", tuple)
    monkeypatch.setattr(life, "POLL_S", 0)
    monkeypatch.setattr(life, "vllm_answers", lambda: True)


@pytest.fixture(autouse=True)
def in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine answers in this process, unless a test is about the program: one takes a tenth of a second."""
    if "as_a_program" in request.fixturenames:
        return

    def captured(engine: ContainerEngine, *arguments: str) -> subprocess.CompletedProcess[str]:
        status, said = main(f"{engine.program}.json", list(arguments))
        out, err = (said, "") if status == 0 or arguments[0] == "exec" else ("", said)
        return subprocess.CompletedProcess(arguments, status, out, err)

    monkeypatch.setattr(ContainerEngine, "_captured", captured)
    monkeypatch.setattr(ContainerEngine, "run", lambda *arguments: captured(*arguments).returncode)


@pytest.fixture
def as_a_program() -> None:
    """The engine is a program of its own."""


@pytest.fixture
def engine(tmp_path: Path) -> FakeEngine:
    return install(tmp_path / "bin")
