from pathlib import Path

import pytest

from voiceagent.app.settings import default_settings, load_settings
from voiceagent.config import ConfigError, Settings


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    path = tmp_path / "empty.yaml"
    path.write_text("")
    return path


def by_option(empty: Path, *sets: str) -> Settings:
    return load_settings(empty, sets, {}).settings


def complaint(empty: Path, *sets: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(empty, sets, environ)
    return str(caught.value)


@pytest.mark.parametrize(("text", "seed"), [("80", 80), (" 80 ", 80), ("0", 0)])
def test_a_number_is_read_as_yaml(empty: Path, text: str, seed: int) -> None:
    assert by_option(empty, f"llm.seed={text}").llm.seed == seed
    assert load_settings(empty, environ={"VOICEAGENT_LLM__SEED": text}).settings.llm.seed == seed


@pytest.mark.parametrize(
    ("text", "greeting"),
    [
        ("Hello: I am here", "Hello: I am here"),
        ("Call me #1", "Call me #1"),
        ("80", "80"),
        ("true", "true"),
        ("null", "null"),
        ("", ""),
        ("a=b", "a=b"),
        ('"Hello"', "Hello"),
        ("'it''s me'", "it's me"),
        ('"Hello" is what I say', '"Hello" is what I say'),
        ('"a": b', '"a": b'),
        ("*", "*"),
    ],
)
def test_words_are_taken_as_they_stand_less_the_quotes_around_them(empty: Path, text: str, greeting: str) -> None:
    assert by_option(empty, f"session.greeting={text}").session.greeting == greeting


@pytest.mark.parametrize("text", ["", "null", "~"])
def test_what_may_be_missing_can_be_unset(empty: Path, text: str) -> None:
    empty.write_text("trace: {jsonl: traces.jsonl}")
    assert by_option(empty, f"trace.jsonl={text}").trace.jsonl is None


def test_a_list_and_a_section_can_be_given_in_one_piece(empty: Path) -> None:
    settings = by_option(empty, "server.ice_servers=[{urls: 'stun:a'}]", "vad={threshold: 0.6, stop_ms: 300}")
    assert settings.server.ice_servers[0].urls == ("stun:a",)
    assert (settings.vad.threshold, settings.vad.stop_ms, settings.vad.pause_ms) == (0.6, 300, 64)


def test_the_last_option_wins(empty: Path) -> None:
    assert by_option(empty, "llm.seed=1", "llm.seed=2").llm.seed == 2


def test_a_setting_without_a_value_is_refused(empty: Path) -> None:
    assert complaint(empty, "llm.seed") == "--set: llm.seed: a setting is given as in llm.max_tokens=80"


@pytest.mark.parametrize("key", ["", ".", "llm.", ".seed", "llm.seed.x", "llm..seed", "nope"])
def test_a_key_that_cannot_be_is_refused(empty: Path, key: str) -> None:
    assert complaint(empty, f"{key}=1").startswith("--set: ")


def test_a_number_that_is_broken_yaml_is_told_once(empty: Path) -> None:
    told = complaint(empty, "llm.seed=[")
    assert told.startswith("--set: llm.seed: broken YAML at column 2")
    assert "\n" not in told


def test_a_tag_in_an_override_is_told_at_its_key(empty: Path) -> None:
    assert complaint(empty, "llm.seed=!x 1") == "--set: llm.seed: tags such as !x are not read here"


def test_an_unknown_variable_is_named(empty: Path) -> None:
    assert complaint(empty, VOICEAGENT_FOO__BAR="1").startswith(
        "environment VOICEAGENT_FOO__BAR: foo: there is no such"
    )
    told = complaint(empty, VOICEAGENT_LLM__MAX_TOKEN="1")
    assert told.startswith("environment VOICEAGENT_LLM__MAX_TOKEN: llm.max_token: ")
    assert "did you mean llm.max_tokens?" in told


def test_a_wrong_value_in_a_variable_is_told_with_its_name(empty: Path) -> None:
    assert complaint(empty, VOICEAGENT_LLM__MAX_TOKENS="many") == (
        "environment VOICEAGENT_LLM__MAX_TOKENS: llm.max_tokens: "
        "should be a whole number, at least 1, at most 1000000, but is 'many'"
    )


def test_a_variable_with_one_underscore_too_few_is_told_the_right_name(empty: Path) -> None:
    told = complaint(empty, VOICEAGENT_LLM_MAX_TOKENS="80")
    assert told.startswith("environment VOICEAGENT_LLM_MAX_TOKENS: ")
    assert told.endswith("VOICEAGENT_LLM__MAX_TOKENS")


def test_variables_that_are_no_settings_are_left_alone(empty: Path) -> None:
    environ = {
        "VOICEAGENT_WEIGHTS_DIR": "/models",
        "VOICEAGENT_DEBUG": "1",
        "VOICEAGENT_SERVICE_HOST": "10.0.0.1",
        "VOICEAGENT_PORT_7860_TCP_PORT": "7860",
        "LLM__SEED": "5",
    }
    assert load_settings(empty, environ=environ).settings == default_settings()


def test_the_environment_of_the_process_is_read(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEAGENT_LLM__SEED", "9")
    assert load_settings(empty).settings.llm.seed == 9


def test_bytes_that_are_no_text_are_refused(empty: Path) -> None:
    told = complaint(empty, VOICEAGENT_SESSION__GREETING="caf\udce9")
    assert told == "environment VOICEAGENT_SESSION__GREETING: session.greeting: this is not text in UTF-8"
