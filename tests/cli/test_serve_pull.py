"""`voiceagent serve --pull` fetches what the settings need, and no more, before anything is read."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

import voiceagent.app.agent
from voiceagent.cli.serve import serve
from voiceagent.weights import Store, WeightsError


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was fetched and served, in order."""
    done: list[Any] = []

    def pull(store: Store, names: Sequence[str], **_: object) -> None:
        done.append((store.root, list(names)))

    monkeypatch.setattr("voiceagent.cli.pulling.pull", pull)
    monkeypatch.setattr(
        voiceagent.app.agent, "Agent", lambda settings: SimpleNamespace(serve=lambda: done.append("serves"))
    )
    monkeypatch.delenv("VOICEAGENT_PULL", raising=False)
    return done


def run(*arguments: str, **environment: str) -> None:
    done = CliRunner().invoke(serve, arguments, env=environment)
    assert (done.exit_code, done.exception) == (0, None)


def test_the_models_of_the_settings_are_fetched_first(happened: list[Any], tmp_path: Path) -> None:
    run("--pull", "--set", f"weights.dir={tmp_path}", "--set", "turn.engine=silence")
    names = ["moonshine-tiny-en", "smollm2-135m-instruct-q4_1", "silero-vad-6.2"]
    assert happened == [(tmp_path, names), "serves"]


def test_a_file_of_ones_own_is_not_looked_for_elsewhere(happened: list[Any], tmp_path: Path) -> None:
    run("--pull", "--config", "scripted", "--set", "llm.engine=llama", "--set", f"llm.model={tmp_path}/mine.gguf")
    assert [names for _, names in happened[:-1]] == [[]]


def test_nothing_is_fetched_unasked(happened: list[Any]) -> None:
    run()
    assert happened == ["serves"]


def test_the_environment_may_ask_and_the_command_has_the_last_word(happened: list[Any]) -> None:
    run("--config", "scripted", VOICEAGENT_PULL="yes")
    assert len(happened) == 2
    happened.clear()
    run("--no-pull", VOICEAGENT_PULL="yes")
    assert happened == ["serves"]


def test_what_cannot_be_had_ends_the_command(monkeypatch: pytest.MonkeyPatch, happened: list[Any]) -> None:
    def fail(*_: object, **__: object) -> None:
        raise WeightsError("no answer from the hub")

    monkeypatch.setattr("voiceagent.cli.pulling.pull", fail)
    done = CliRunner().invoke(serve, ["--pull"])
    assert isinstance(done.exception, WeightsError)
    assert happened == []
