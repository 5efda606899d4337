from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voiceagent.app.settings import default_settings, load_settings
from voiceagent.config import ConfigError

Write = Callable[[str, str], Path]


def mistakes(name: str, sets: Sequence[str] = (), **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(name, sets, environ)
    return [str(problem) for problem in caught.value.problems]


def test_an_empty_file_gives_the_defaults(write: Write) -> None:
    for text in ("", "# only a comment\n", "---\n", "llm:\n", "\ufeffllm:\n"):
        loaded = load_settings(write("empty.yaml", text), environ={})
        assert loaded.settings == default_settings()
        assert {str(origin) for origin in loaded.origins.values()} == {"default"}


def test_the_later_source_wins_and_every_value_knows_where_it_was_written(write: Write) -> None:
    write("base.yaml", "llm:\n  seed: 1\n  top_k: 1\n  max_tokens: 1\n")
    write("mine.yaml", "extends: base.yaml\nllm:\n  top_k: 2\n  max_tokens: 2\n  context_tokens: 2000\n")
    environ = {"VOICEAGENT_LLM__MAX_TOKENS": "3", "VOICEAGENT_LLM__CONTEXT_TOKENS": "3000"}
    loaded = load_settings("mine.yaml", ["llm.context_tokens=4000"], environ)
    keys = ["threads", "seed", "top_k", "max_tokens", "context_tokens"]
    assert [getattr(loaded.settings.llm, key) for key in keys] == [1, 1, 2, 3, 4000]
    assert [str(loaded.origins[f"llm.{key}"]) for key in keys] == [
        "default",
        "base.yaml:2",
        "mine.yaml:3",
        "environment VOICEAGENT_LLM__MAX_TOKENS",
        "--set",
    ]


def test_a_list_is_replaced_as_a_whole(write: Write) -> None:
    write("base.yaml", "server:\n  ice_servers: [{urls: 'stun:a', username: me}, {urls: 'stun:b'}]\n")
    write("mine.yaml", "extends: base.yaml\nserver:\n  ice_servers:\n  - urls: stun:c\n")
    (server,) = load_settings("mine.yaml", environ={}).settings.server.ice_servers
    assert (server.urls, server.username) == (("stun:c",), None)


def test_an_unknown_key_is_told_with_the_nearest_one_and_all_that_there_are(write: Write) -> None:
    write("mine.yaml", "vad:\n  treshold: 0.4\n")
    assert mistakes("mine.yaml") == [
        "mine.yaml:2: vad.treshold: there is no such setting, did you mean vad.threshold? vad has engine, threshold, "
        "release_threshold, onset_ms, pause_ms, stop_ms, threads"
    ]


def test_an_unknown_section_is_told_with_the_nearest_one(write: Write) -> None:
    write("mine.yaml", "\nlmm: {}\n")
    assert "mine.yaml:2: lmm: there is no such setting, did you mean llm?" in mistakes("mine.yaml")[0]


def test_a_key_in_the_wrong_place_is_sent_to_the_right_one(write: Write) -> None:
    write("mine.yaml", "max_tokens: 80\nthreads: 2\nllm: {jsonl: turns}\n")
    top, ambiguous, nested = mistakes("mine.yaml")
    assert "did you mean llm.max_tokens?" in top
    assert "did you mean" not in ambiguous
    assert "did you mean trace.jsonl?" in nested


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("server: {port: 65536}", "server.port: should be a whole number, at least 0, at most 65535, but is 65536"),
        ("server: {port: '80'}", "but is '80'"),
        ("llm: {top_p: 0}", "llm.top_p: should be a number, above 0, at most 1, but is 0"),
        ("llm: {top_p: .nan}", "llm.top_p: should be a number, above 0, at most 1, but is nan"),
        ("llm: {temperature: .inf}", "but is inf"),
        ("server: {metrics: 1}", "server.metrics: should be true or false, but is 1"),
        ("server: {metrics: yes}", "server.metrics: should be true or false, but is 'yes'"),
        ("llm: {seed: true}", "but is true"),
        ("llm: {seed: }", "but is null"),
        ("llm: {seed: [1]}", "but is a list"),
        ("asr: {model: 5}", "asr.model: should be text, not empty, but is 5; put it in quotes"),
        ("asr: {model: ''}", "but is ''"),
        ("weights: {dir: 5}", "weights.dir: should be a path or null, but is 5; put it in quotes"),
        ("weights: {dir: ''}", "should be a path or null, but is ''"),
        (
            "turn: {engine: Silense}",
            "should be one of smart_turn, silence, scripted, but is 'Silense'; did you mean silence?",
        ),
        ("asr: {engine: nemotron, right_context: 2}", "should be one of 0, 1, 6, 13, but is 2"),
        ("turn: {engine: x}", "should be one of smart_turn, silence, scripted, but is 'x'"),
        ("server: {allow_origins: {}}", "server.allow_origins: should be a list, but is a mapping"),
        ("server: {allow_origins: [5]}", "server.allow_origins.0: should be a valid string"),
        ("server: {allow_origins: [a.org]}", "server.allow_origins.0: should look like https://example.org"),
        ("server: {ice_servers: [5]}", "server.ice_servers.0: should be a mapping with urls, username, credential"),
        ("server: {ice_servers: [{}]}", "server.ice_servers.0.urls: is missing"),
        ("server: {ice_servers: [{urls: x}]}", "server.ice_servers.0.urls.0: should begin with one of stun:"),
        ("server: {ice_servers: [{urls: 'stun:a', user: x}]}", "did you mean server.ice_servers.0.username?"),
        ("tools: [get_weather]", "tools.0: should look like module:function"),
        ("tools: a:b", "tools: should be a list, but is 'a:b'"),
        ("mcp: [{name: a}]", "mcp.0: needs a command or a url, and not both"),
        ("mcp: [{name: a, command: [b], url: 'http://c'}]", "mcp.0: needs a command or a url, and not both"),
        ("mcp: [{name: a, url: c}]", "mcp.0.url: should begin with http:// or https://"),
        ("llm: {engine: openai, base_url: localhost}", "llm.base_url: should begin with http:// or https://"),
        ("llm: {engine: openai, chat_template_kwargs: 5}", "llm.chat_template_kwargs: should be a mapping, but is 5"),
        ("llm: 5", "llm: should be a mapping with engine, system_prompt, session_tokens, "),
        ("- llm", "mine.yaml:1: a configuration is made of sections, as in `llm:`, but this is a list"),
        ("just words", "but this is 'just words'"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(write: Write, text: str, complaint: str) -> None:
    write("mine.yaml", text)
    (told,) = mistakes("mine.yaml")
    assert told.startswith("mine.yaml:1: ")
    assert complaint in told


def test_a_password_of_the_wrong_type_is_not_printed(write: Write) -> None:
    write("mine.yaml", "server: {ice_servers: [{urls: 'turn:a', credential: 123456}]}")
    (told,) = mistakes("mine.yaml")
    assert "credential: should be text or null; put it in quotes" in told
    assert "123456" not in told


def test_of_two_settings_that_contradict_each_other_the_written_one_is_blamed(write: Write) -> None:
    write("larger.yaml", "vad:\n  threshold: 0.2\n")
    write("smaller.yaml", "vad:\n  release_threshold: 0.7\n")
    write("both.yaml", "vad:\n  threshold: 0.2\n  release_threshold: 0.7\n")
    larger = "larger.yaml:2: vad.threshold: should be at least vad.release_threshold (0.35), but is 0.2"
    smaller = "smaller.yaml:2: vad.release_threshold: should be at most vad.threshold (0.5), but is 0.7"
    both = "both.yaml:3: vad.release_threshold: should be at most vad.threshold (0.2), but is 0.7"
    assert [mistakes(f"{name}.yaml") for name in ("larger", "smaller", "both")] == [[larger], [smaller], [both]]


def test_all_mistakes_of_all_sources_come_in_one_error(write: Write) -> None:
    write("base.yaml", "asr: {threads: 0}\n")
    write("mine.yaml", "extends: base.yaml\nllm:\n  seed: -1\n  seed: 2\n  tokens: 5\ntts: {speed: fast}\n")
    told = mistakes("mine.yaml", ["tts.voice=", "nonsense"], VOICEAGENT_VAD__X="1")
    assert [line.partition(": ")[0] for line in told] == [
        "--set",
        "--set",
        "base.yaml:1",
        "environment VOICEAGENT_VAD__X",
        "mine.yaml:3",
        "mine.yaml:4",
        "mine.yaml:5",
        "mine.yaml:6",
    ]


def test_one_mistake_is_one_line_and_several_are_counted(write: Write) -> None:
    write("one.yaml", "llm: {seed: -1}")
    write("two.yaml", "llm: {seed: -1, top_k: -1}")
    with pytest.raises(ConfigError, match=r"^one\.yaml:1: llm\.seed: [^\n]+$"):
        load_settings("one.yaml", environ={})
    with pytest.raises(ConfigError, match=r"^2 mistakes in the settings\n  two\.yaml:1: [^\n]+\n  two\.yaml:1: .+$"):
        load_settings("two.yaml", environ={})


def test_a_mistake_that_another_source_overrides_does_not_matter(write: Write) -> None:
    write("mine.yaml", "llm: {seed: -1}")
    assert load_settings("mine.yaml", ["llm.seed=1"], {}).settings.llm.seed == 1


def test_a_broken_section_is_told_even_when_a_later_source_mends_its_shape(write: Write) -> None:
    write("mine.yaml", "llm: 5")
    assert "llm: should be a mapping" in mistakes("mine.yaml", ["llm.seed=1"])[0]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60))
def test_no_file_whatever_raises_anything_but_a_config_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    with suppress(ConfigError):
        load_settings(path, environ={})
