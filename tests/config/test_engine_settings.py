"""Which settings there are depends on the engines that are named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from voiceagent.app.settings import default_settings, load_settings
from voiceagent.config import ConfigError
from voiceagent.engines.llm.llama.spec import LlamaSettings
from voiceagent.engines.llm.openai.spec import OpenAiSettings

Write = Callable[[str, str], Path]


def complaint(*sets: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings("mine.yaml", sets, environ)
    return str(caught.value)


def test_each_section_has_the_settings_of_its_engine(write: Write) -> None:
    write("mine.yaml", "llm: {engine: openai, base_url: 'http://there/v1'}")
    llm = load_settings("mine.yaml", environ={}).settings.llm
    assert isinstance(llm, OpenAiSettings)
    assert llm.base_url == "http://there/v1"
    assert isinstance(default_settings().llm, LlamaSettings)


def test_a_setting_of_another_engine_is_a_mistake_that_names_its_owner(write: Write) -> None:
    write("mine.yaml", "asr:\n  right_context: 6\ntts:\n  engine: magpie\n  speed: 2\n")
    assert complaint() == (
        "2 mistakes in the settings\n"
        "  mine.yaml:2: asr.right_context: is a setting of nemotron, but asr.engine is moonshine; "
        "remove it or change the engine\n"
        "  mine.yaml:5: tts.speed: is a setting of hibari, but tts.engine is magpie; remove it or change the engine"
    )


def test_a_file_that_names_another_engine_than_the_one_it_extends_keeps_what_engines_have_in_common(
    write: Write,
) -> None:
    write("base.yaml", "llm: {max_tokens: 50, prefill_tokens: 7, threads: 2}")
    write("mine.yaml", "extends: base.yaml\nllm: {engine: openai}")
    llm = load_settings("mine.yaml", environ={}).settings.llm
    assert isinstance(llm, OpenAiSettings)
    assert llm.max_tokens == 50
    write("back.yaml", "extends: mine.yaml\nllm: {engine: llama}")
    llama = load_settings("back.yaml", environ={}).settings.llm
    assert isinstance(llama, LlamaSettings)
    assert (llama.max_tokens, llama.prefill_tokens, llama.threads) == (50, 24, 1)


def test_a_file_that_names_the_same_engine_again_keeps_everything(write: Write) -> None:
    write("base.yaml", "llm: {prefill_tokens: 7}")
    write("mine.yaml", "extends: base.yaml\nllm: {engine: llama}")
    llm = load_settings("mine.yaml", environ={}).settings.llm
    assert isinstance(llm, LlamaSettings)
    assert llm.prefill_tokens == 7


def test_options_and_the_environment_name_engine_and_settings_in_any_order(write: Write) -> None:
    write("mine.yaml", "llm: {prefill_tokens: 7}")
    for sets, environ in (
        (["llm.model=x", "llm.engine=openai"], {}),
        (["llm.engine=openai"], {"VOICEAGENT_LLM__MODEL": "x"}),
        (["llm.model=x"], {"VOICEAGENT_LLM__ENGINE": "openai"}),
    ):
        llm = load_settings("mine.yaml", sets, environ).settings.llm
        assert isinstance(llm, OpenAiSettings)
        assert llm.model == "x"


def test_what_is_written_for_an_engine_counts_as_text_where_that_engine_takes_text(write: Write) -> None:
    write("mine.yaml", "")
    llm = load_settings("mine.yaml", ["llm.engine=openai", "llm.api_key_env=5"], {}).settings.llm
    assert isinstance(llm, OpenAiSettings)
    assert llm.api_key_env == "5"


def test_an_engine_that_there_is_not_is_a_mistake_with_the_nearest_one(write: Write) -> None:
    write("mine.yaml", "tts: {engine: hibri}")
    assert "mine.yaml:1: tts.engine: should be one of hibari, magpie, remote, scripted" in complaint()
    assert "did you mean hibari?" in complaint()
    assert "given" not in complaint(), "only a program hands in engines"
