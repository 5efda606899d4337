"""Which backends there are, and what each says of itself."""

import ast
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import voiceagent.app
from voiceagent.config.settings import ENGINE_SECTIONS, TtsSettings
from voiceagent.engines import registry
from voiceagent.engines.memory import MemoryUse
from voiceagent.engines.registry import GIVEN, engine_models, specs
from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import AsrSteps, LlmSteps, Talk, TtsSteps, TurnSteps, VadSteps
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store

STEPS = {"asr": AsrSteps, "llm": LlmSteps, "tts": TtsSteps, "vad": VadSteps, "turn": TurnSteps}
NAMED = [spec for spec in specs().values() if spec.name != GIVEN]
APP = Path(voiceagent.app.__path__[0])
RUNTIMES = ("torch", "nemo", "llama_cpp", "onnxruntime", "openai", "hibari")


def label(spec: EngineSpec[Any]) -> str:
    return f"{spec.kind}.{spec.name}"


@pytest.mark.parametrize("spec", NAMED, ids=label)
def test_a_spec_and_its_settings_agree_and_it_describes_itself_by_its_defaults(spec: EngineSpec[Any]) -> None:
    settings, context = spec.settings(), BuildContext(Store(), max_streams=2)
    assert settings.engine == spec.name
    assert issubclass(spec.settings, ENGINE_SECTIONS[spec.kind])
    assert isinstance(spec.steps(settings, Talk()), STEPS[spec.kind])
    assert all(isinstance(use, MemoryUse) for use in spec.memory(settings, context))
    assert spec.model(settings)
    assert spec.device(settings) in ("cpu", "gpu", "auto", "remote")
    assert set(spec.cost_settings) <= spec.settings.model_fields.keys()
    for remedy in spec.remedies(settings, context):
        assert remedy.change.keys() <= spec.settings.model_fields.keys()
    list(spec.findings(settings, context))


def test_no_spec_imports_a_runtime() -> None:
    code = (
        "import sys; from voiceagent.engines.registry import specs; specs();"
        f"print([name for name in {RUNTIMES} if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_application_names_no_engine() -> None:
    """Neither in code nor in words: what is known of an engine stands in its folder."""
    shared = {"scripted", "silence", "none", "remote"}  # ordinary words
    names = {spec.name for spec in NAMED} - shared
    pattern = re.compile(rf"\b({'|'.join(sorted(names))})\b")
    for path in APP.rglob("*.py"):
        found = pattern.findall(path.read_text(encoding="utf-8").lower())
        assert not found, f"{path.name} names {found}"
        imported = [
            module
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
            and (module := node.module or "").startswith("voiceagent.engines.")
            and len(module.split(".")) > 4
        ]
        assert not imported, f"{path.name} imports {imported}"


class PluggedSettings(TtsSettings):
    """A made-up voice's."""

    engine: Any = "plugged"


PLUGGED = EngineSpec("tts", "plugged", PluggedSettings)
DOUBLE = EngineSpec("tts", "hibari", PluggedSettings)
ASTRAY = EngineSpec("asr", "plugged", PluggedSettings)
NO_SPEC = "a text"


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretend that a package is installed whose entry point is the given place."""

    def install(place: str) -> None:
        points = [EntryPoint("mypackage", place, registry.GROUP)]
        monkeypatch.setattr(registry, "entry_points", lambda group: points)
        specs.cache_clear()
        engine_models.cache_clear()

    yield install
    specs.cache_clear()
    engine_models.cache_clear()


def test_an_installed_packages_engine_is_one_among_the_others(entry: Any) -> None:
    entry(f"{__name__}:PLUGGED")
    assert specs()["tts", "plugged"] is PLUGGED
    assert list(engine_models()["tts"]) == ["hibari", "magpie", "remote", "scripted", "none", "plugged"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nowhere.at.all:SPEC", "cannot be imported (nowhere.at.all:SPEC: ModuleNotFoundError"),
        (f"{__name__}:NO_SPEC", "that is no EngineSpec"),
        (f"{__name__}:DOUBLE", "adds an engine tts.hibari, which exists already"),
        (f"{__name__}:ASTRAY", "whose settings are no AsrSettings"),
    ],
)
def test_a_package_that_brings_no_engine_is_named(entry: Any, place: str, words: str) -> None:
    entry(place)
    with pytest.raises(VoiceAgentError) as caught:
        specs()
    assert "mypackage" in str(caught.value)
    assert words in str(caught.value)
