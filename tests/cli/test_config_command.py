from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from voiceagent.cli.main import cli
from voiceagent.config.reference import reference
from voiceagent.engines.registry import engine_models


@pytest.fixture(autouse=True)
def _plain_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(cli, ["config", *arguments], env=environ)


def test_config_alone_checks_the_settings() -> None:
    result = run("--config", "scripted")
    assert (result.exit_code, result.output) == (0, "The settings are valid; --show prints them.\n")


def test_the_embedded_default_is_what_counts_unless_told_otherwise() -> None:
    assert run("--show").output == run("--show", "--config", "cpu.yaml").output


def test_show_prints_each_setting_with_its_origin(tmp_path: Path) -> None:
    Path("mine.yaml").write_text("extends: cpu\nllm:\n  seed: 5\n")
    environ = {"VOICEAGENT_LLM__TOP_K": "7"}
    result = run("--show", "--config", "mine.yaml", "--set", "llm.max_tokens=80", **environ)
    lines = [line.split() for line in result.output.splitlines()]
    assert ["seed:", "5", "#", "mine.yaml:3"] in lines
    assert ["max_tokens:", "80", "#", "--set"] in lines
    assert ["top_k:", "7", "#", "environment", "VOICEAGENT_LLM__TOP_K"] in lines
    assert ["port:", "7860", "#", "default"] in lines
    assert any(line[0] == "greeting:" and line[-1].startswith("/") and "cpu.yaml:" in line[-1] for line in lines)


def test_mistakes_end_the_command_with_words() -> None:
    result = run("--set", "llm.max_tokns=80", "--set", "asr.threads=0")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: 2 mistakes in the settings\n  --set: ")
    assert "Traceback" not in result.output


def test_the_reference_describes_every_engine_that_is_installed() -> None:
    assert run("--reference").output == reference(engine_models())


def test_the_reference_helps_where_the_settings_are_broken() -> None:
    result = run("--set", "llm.max_tokns=80", "--reference")
    assert (result.exit_code, result.output[:10]) == (0, "# Settings")
