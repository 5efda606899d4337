"""No setting of an engine is accepted and ignored: what builds the engine reads it, or what sets up conversations."""

import ast
import inspect
import textwrap
from typing import Any

import pytest

from voiceagent.app.conversation import conversation_config
from voiceagent.app.settings import default_settings, load_settings
from voiceagent.config import ConfigError
from voiceagent.config.settings import Settings
from voiceagent.engines.absent import NONE
from voiceagent.engines.registry import BUILT_IN, GIVEN, specs
from voiceagent.engines.spec import EngineSpec
from voiceagent.errors import VoiceAgentError
from voiceagent.testing import scripted_engines

BUILT_IN_SPECS = [spec for (kind, name), spec in specs().items() if f"{kind}.{name}" in BUILT_IN or name == GIVEN]


def read_by_build(spec: EngineSpec[Any]) -> set[str]:
    """Return the settings that the source of `build` reads, and of the spec's methods that it calls."""
    methods = ["build"]
    read = set()
    for method in methods:
        source = ast.parse(textwrap.dedent(inspect.getsource(getattr(type(spec), method))))
        attributes = [node for node in ast.walk(source) if isinstance(node, ast.Attribute)]
        named = [(node.value.id, node.attr) for node in attributes if isinstance(node.value, ast.Name)]
        read |= {name for owner, name in named if owner == "settings"}
        called = {
            name for owner, name in named if owner == "self" and inspect.isfunction(getattr(type(spec), name, None))
        }
        methods += sorted(called - {*methods})
    return read


def read_by_conversations(spec: EngineSpec[Any]) -> set[str]:
    """Return the settings of the engine's section that a conversation's configuration is made of."""
    read: set[str] = set()

    class Recording(spec.settings):  # type: ignore[name-defined, misc]
        def __getattribute__(self, name: str) -> Any:
            if name in spec.settings.model_fields:
                read.add(name)
            return super().__getattribute__(name)

    engine = Recording()
    read.clear()
    conversation_config(default_settings().model_copy(update={spec.kind: engine})).segmenter("en")
    return read


@pytest.mark.parametrize("spec", BUILT_IN_SPECS, ids=lambda spec: f"{spec.kind}.{spec.name}")
def test_every_setting_of_an_engine_is_read(spec: EngineSpec[Any]) -> None:
    ignored = {*spec.settings.model_fields} - {"engine"} - read_by_build(spec) - read_by_conversations(spec)
    # A recogniser that is passed as an object refuses these (below), and so does one that is not there.
    refuses = (spec.kind, spec.name) in (("asr", GIVEN), ("asr", NONE))
    assert ignored == ({"partials", "partial_interval_ms"} if refuses else set())


def test_a_setting_that_nothing_reads_is_found() -> None:
    openai = next(spec for spec in BUILT_IN_SPECS if spec.name == "openai")
    assert "top_p" in read_by_build(openai)
    assert "repeat_penalty" not in read_by_build(openai)
    assert {"stop", "temperature", "max_tokens"} <= read_by_conversations(openai)
    assert "top_p" not in read_by_conversations(openai)


def changed(*sets: str) -> Settings:
    return load_settings("cpu.yaml", sets, environ={}).settings


@pytest.mark.parametrize("engine", ["llama", "openai", "scripted"])
def test_stop_strings_and_the_temperature_are_every_engines(engine: str) -> None:
    settings = changed(f"llm.engine={engine}", "llm.stop=['That is all', 'Bye']", "llm.temperature=0.7")
    config = conversation_config(settings)
    assert config.stop == ("That is all", "Bye")
    assert config.reply_options.temperature == 0.7


@pytest.mark.parametrize("setting", ["top_k=5", "min_p=0.1", "repeat_penalty=1.2", "grammar=a.gbnf", "gpu_layers=1"])
def test_what_only_llama_has_is_refused_elsewhere_by_name(setting: str) -> None:
    for engine in ("openai", "scripted"):
        with pytest.raises(ConfigError, match=rf"llm\.{setting.split('=')[0]}: is a setting of llama"):
            changed(f"llm.engine={engine}", f"llm.{setting}")


def test_a_recogniser_that_is_passed_as_an_object_has_its_own_partials() -> None:
    from voiceagent import Agent

    asr = scripted_engines().asr
    assert Agent(asr=asr).settings.asr.partials
    for name, value in (("asr.partials", False), ("asr.partial_interval_ms", 200)):
        with pytest.raises(VoiceAgentError, match=f"^{name} has no effect on a recogniser"):
            Agent(asr=asr, settings={name: value})
