"""The reference of the settings, with made-up engines."""

from typing import Literal

import pytest
from pydantic import Field

from voiceagent.app.settings import load_settings
from voiceagent.config import schema
from voiceagent.config.reference import reference
from voiceagent.config.settings import AsrSettings, LlmSettings
from voiceagent.engines.registry import engine_models


class TinSettings(AsrSettings):
    """A tin with a string."""

    engine: Literal["tin"] = "tin"
    string_m: float = Field(default=3.0, gt=0, le=30)
    """The length of the string."""
    mode: Literal["a|b", "c"] = "c"
    """One way or
    the other."""


class HatSettings(LlmSettings):
    """Draws from a hat."""

    engine: Literal["hat"] = "hat"
    max_tokens: int = 12
    """As many lots as there are."""


@pytest.fixture(scope="module")
def page() -> str:
    models = engine_models()
    return reference({**models, "asr": {"tin": TinSettings, **models["asr"]}, "llm": {"hat": HatSettings}})


def part(page: str, heading: str) -> list[str]:
    """Return the lines below a heading, up to the next."""
    _, found, after = page.partition(f"\n{heading}\n")
    assert found, heading
    return after.partition("\n#")[0].splitlines()


def test_a_setting_has_its_limits_its_default_and_its_meaning(page: str) -> None:
    row = "| `string_m` | a number, above 0, at most 30 | `3.0` | The length of the string. |"
    assert row in part(page, "### asr.engine: tin")


def test_a_cell_stays_in_its_row_whatever_stands_in_it(page: str) -> None:
    row = r"| `mode` | one of a\|b, c | `c` | One way or the other. |"
    assert row in part(page, "### asr.engine: tin")


def test_an_engine_says_what_it_is(page: str) -> None:
    assert "A tin with a string." in part(page, "### asr.engine: tin")


def test_the_default_engine_is_named(page: str) -> None:
    assert "`engine`: `tin` (the default), `moonshine`, `nemotron`, `remote`, `scripted`, `none`." in part(
        page, "## asr"
    )
    assert "`engine`: `hat` (the default)." in part(page, "## llm")


def test_what_all_of_a_kind_have_in_common_is_said_once(page: str) -> None:
    assert any(line.startswith("| `partials` |") for line in part(page, "## asr"))
    assert not any(line.startswith("| `partials` |") for line in part(page, "### asr.engine: tin"))


def test_an_engine_whose_default_is_another_says_so(page: str) -> None:
    assert "| `max_tokens` | a whole number | `12` | As many lots as there are. |" in part(page, "### llm.engine: hat")


def test_what_the_mappings_of_a_list_hold_comes_below_it(page: str) -> None:
    lines = part(page, "## mcp")
    assert lines[1] == "MCP servers whose tools the agent may use. Takes a list; by default `[]`."
    assert "| `name` | text, not empty | (required) | What it is called in messages and logs. |" in lines


@pytest.mark.parametrize("section", ["asr", "llm", "tts", "vad", "turn"])
def test_every_setting_of_every_engine_is_described(section: str) -> None:
    page = reference(engine_models())
    for engine in engine_models()[section]:
        both = [*part(page, f"## {section}"), *part(page, f"### {section}.engine: {engine}")]
        settings = load_settings("scripted", [f"{section}.engine={engine}"]).settings
        named = [loc[1] for loc, _ in schema.fields(type(settings)) if loc[0] == section and loc[1] != "engine"]
        for name in named:
            assert any(line.startswith(f"| `{name}` |") for line in both), (section, engine, name)
