"""The agent as a library: what it is made of, and what it says when that cannot be."""

import asyncio

import httpx
import pytest

from voiceagent import Agent, tool
from voiceagent.app.settings import load_settings
from voiceagent.config import ConfigError
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.errors import VoiceAgentError
from voiceagent.tools.declare import declaration


@tool
def weather(city: str) -> str:
    """Return the weather in a city."""
    return f"Sunny in {city}."


def test_prompt_greeting_tools_and_settings_are_given_by_name() -> None:
    agent = Agent(
        "scripted.yaml", system_prompt="Be brief.", greeting="Hi!", tools=[weather], settings={"llm.max_tokens": 80}
    )
    assert agent.settings.llm.system_prompt == agent.config.system_prompt == "Be brief."
    assert agent.settings.session.greeting == "Hi!"
    assert agent.settings.llm.max_tokens == 80
    assert [spec.name for spec in agent._tools.toolbox.specs] == ["weather"]


def test_settings_of_any_type_are_given_as_what_they_are() -> None:
    changes = {
        "session.greeting": "80",
        "server.metrics": False,
        "server.allow_origins": ["https://example.org"],
        "trace.jsonl": None,
        "llm.temperature": 0.5,
    }
    for config in ("scripted.yaml", load_settings("scripted.yaml").settings):
        settings = Agent(config, settings=changes).settings
        assert settings.session.greeting == "80"
        assert settings.server.metrics is False
        assert settings.server.allow_origins == ("https://example.org",)
        assert settings.trace.jsonl is None
        assert settings.llm.temperature == 0.5


def test_an_engine_is_named_or_handed_in() -> None:
    agent = Agent("scripted.yaml", tts="hibari", turn="smart_turn")
    assert (agent.settings.tts.engine, agent.settings.turn.engine) == ("hibari", "smart_turn")
    voice = ScriptedTts()
    given = Agent("scripted.yaml", tts=voice)
    assert given.models["tts"] == "ScriptedTts"

    async def main() -> None:
        async with given:
            assert given.engines.tts is voice
            assert all(given.readiness().values())

    asyncio.run(main())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"config": "nowhere.yaml"}, "there is no such file"),
        ({"tts": "hibri"}, "did you mean hibari?"),
        ({"settings": {"llm.max_token": 5}}, "did you mean llm.max_tokens?"),
        ({"settings": {"llm.max_tokens": "many"}}, "should be a whole number"),
    ],
)
def test_mistakes_are_told_at_once(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Agent(**{"config": "scripted.yaml", **arguments})


def test_what_is_no_tool_is_told_at_once() -> None:
    with pytest.raises(VoiceAgentError, match="docstring"):
        Agent("scripted.yaml", tools=[lambda city: city])


def test_a_tool_may_be_declared_with_and_without_arguments() -> None:
    assert declaration(weather).timeout_s is None
    assert declaration(tool(timeout_s=5)(weather)).timeout_s == 5
    assert weather("Rome") == "Sunny in Rome."


def test_an_agent_is_started_once_and_says_so() -> None:
    async def main() -> None:
        agent = Agent("scripted.yaml")
        with pytest.raises(VoiceAgentError, match="not loaded yet"):
            agent.engines  # noqa: B018
        async with agent:
            with pytest.raises(VoiceAgentError, match="already been started"):
                await agent.start()

    asyncio.run(main())


def test_an_engine_that_cannot_be_loaded_stops_the_start_with_its_words(tmp_path) -> None:
    async def main() -> None:
        voice = ScriptedTts()
        voice.load = lambda: 1 / 0
        agent = Agent("scripted.yaml", tts=voice)
        with pytest.raises(ZeroDivisionError):
            async with agent:
                raise AssertionError("it started without a voice")
        assert not any(agent.readiness().values()), "what was loaded is closed"
        with pytest.raises(VoiceAgentError, match="voiceagent weights pull"):
            async with Agent("cpu.yaml", settings={"weights.dir": str(tmp_path)}):
                raise AssertionError("it started without models")

    asyncio.run(main())


def test_the_asgi_application_loads_the_models_in_its_lifespan_and_closes_them() -> None:
    agent = Agent("scripted.yaml")
    app = agent.asgi()

    async def main() -> None:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http,
        ):
            ready = await http.get("/ready")
            assert (ready.status_code, ready.json()["ready"]) == (200, True)
            assert (await http.get("/")).status_code == 200
        assert not any(agent.readiness().values())

    asyncio.run(main())


def test_what_settings_cannot_be_changed_to_is_told_too() -> None:
    settings = load_settings("scripted.yaml").settings
    for change in ({"llm.max_tokens": "many"}, {"lmm.max_tokens": 5}, {"tts.engine": "hibri"}):
        with pytest.raises(VoiceAgentError, match="cannot be changed to"):
            Agent(settings, settings=change)
