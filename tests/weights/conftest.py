import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubServer, be_the_hub
from huggingface_hub import close_session, constants
from weights_serving import Notes

from voiceagent.weights.hub import Hub


@pytest.fixture(autouse=True)
def no_outside_world(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither this machine's tokens, caches, proxies, folders nor its pip configuration reach a test."""
    for name in os.environ:
        if name.startswith(("PIP_", "HF_", "HUGGING", "VOICEAGENT_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    home = tmp_path_factory.mktemp("huggingface")
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)  # else the hub is asked about its callers, too
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    be_the_hub("http://127.0.0.1:9", monkeypatch)  # nothing listens on the discard port
    yield
    close_session()


@pytest.fixture
def cache() -> Path:
    """The user's Hugging Face cache, empty."""
    return Path(constants.HF_HUB_CACHE)


@pytest.fixture
def server() -> Iterator[HubServer]:
    running = HubServer()
    yield running
    running.stop()


@pytest.fixture
def hub(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    """The server as the model hub."""
    be_the_hub(server.url, monkeypatch)
    return server


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def waits() -> list[float]:
    """The waits between attempts, in seconds, which are not really waited."""
    return []


@pytest.fixture
def client(notes: Notes, waits: list[float]) -> Hub:
    return Hub(notes, sleep=waits.append)
