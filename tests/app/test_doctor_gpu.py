"""`voiceagent doctor --gpu`: what is tried, what is said where nothing can be, and that one failure is only one."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from voiceagent.app.doctor import gpu as module
from voiceagent.app.doctor import try_gpus
from voiceagent.app.settings import load_settings
from voiceagent.app.specs import Chosen, chosen
from voiceagent.cli.main import cli
from voiceagent.engines.finding import Finding, Verdict, ok
from voiceagent.engines.machine import Gpu

CARD = Gpu("card", "580", "12.0", 32 << 30, 31 << 30)
SETTINGS = load_settings("spark.yaml", [], {}).settings


class Tried:
    """A spec that finds something, or breaks."""

    def __init__(self, one: Chosen) -> None:
        self.kind = one.kind

    def try_gpu(self, settings: object, context: object) -> Iterator[Finding]:
        if self.kind in ("asr", "tts"):
            yield ok("gpu", "the same for both")
            yield ok(self.kind, "fine")
        if self.kind == "llm":
            raise RuntimeError("no kernel image")


def test_without_a_gpu_all_that_was_not_seen_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "nvidia_gpus", lambda: ())
    found = list(try_gpus(SETTINGS))
    assert [one.check for one in found] == list(module.UNSEEN)
    assert {one.verdict for one in found} == {Verdict.SKIPPED}


def test_every_engine_is_tried_and_what_they_share_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "nvidia_gpus", lambda: (CARD,))
    monkeypatch.setattr(
        module, "chosen", lambda settings: (Chosen(Tried(one), one.settings) for one in chosen(settings))
    )
    found = list(try_gpus(SETTINGS))
    assert [one.check for one in found] == ["gpu", "asr", "llm on gpu", "tts"]
    assert found[2].verdict is Verdict.WARNING
    assert "RuntimeError: no kernel image" in found[2].text


def test_settings_without_a_model_on_the_gpu_have_nothing_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "nvidia_gpus", lambda: (CARD,))
    (found,) = try_gpus(load_settings("scripted.yaml", [], {}).settings)
    assert found.verdict is Verdict.SKIPPED


@pytest.mark.parametrize("asked", [True, False])
def test_the_command_tries_it_when_it_is_asked_to(asked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "nvidia_gpus", lambda: ())
    options = ["--gpu"] if asked else []
    done = CliRunner().invoke(cli, ["doctor", "--config", "scripted.yaml", "--json", *options])
    checks = [finding["check"] for finding in json.loads(done.output)["findings"]]
    assert ("gpu graphs" in checks) is asked
    told = CliRunner().invoke(cli, ["doctor", "--config", "scripted.yaml", *options]).output
    assert ("skipped  gpu graphs" in told) is asked
    assert told.index("ENGINE") > told.index("port")
