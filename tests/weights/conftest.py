import os
from collections.abc import Iterator

import pytest
from weights_serving import FileServer, Notes

from voiceagent.weights.fetch import Fetcher


@pytest.fixture(autouse=True)
def no_outside_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither this machine's tokens, proxies, folders nor its pip configuration reach a test."""
    for name in os.environ:
        if name.startswith(("PIP_", "HF_", "HUGGINGFACE_", "VOICEAGENT_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens on the discard port


@pytest.fixture
def server() -> Iterator[FileServer]:
    running = FileServer()
    yield running
    running.stop()


@pytest.fixture
def hub(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """The server as the model hub."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    return server


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def waits() -> list[float]:
    """The waits between attempts, in seconds, which are not really waited."""
    return []


@pytest.fixture
def fetcher(notes: Notes, waits: list[float]) -> Iterator[Fetcher]:
    with Fetcher(notes, sleep=waits.append) as made:
        yield made
