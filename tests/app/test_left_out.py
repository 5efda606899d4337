"""A role that is left out: nothing is loaded for it, what is left serves, and what needs it is refused with words."""

import asyncio

import pytest
from starlette.testclient import TestClient

from voiceagent.app.agent import Agent
from voiceagent.app.serving import invitation
from voiceagent.app.settings import load_settings
from voiceagent.app.specs import model_files
from voiceagent.config import ConfigError
from voiceagent.doors.app import create_app
from voiceagent.doors.errors import AbsentError

ALL = ("asr", "llm", "tts")


def agent_without(*kinds: str) -> Agent:
    return Agent("scripted", settings={f"{kind}.engine": "none" for kind in kinds})


@pytest.mark.parametrize("kind", ALL)
def test_nothing_is_loaded_for_it_and_the_rest_is_ready(kind: str) -> None:
    async def hold() -> None:
        async with agent_without(kind) as agent:
            assert kind not in agent.readiness()
            assert kind not in agent.models
            assert agent.readiness()
            assert all(agent.readiness().values())

    asyncio.run(hold())


@pytest.mark.parametrize(("kind", "idle"), [("asr", {"vad", "turn"}), ("llm", {"turn"}), ("tts", {"turn"})])
def test_a_detector_that_would_have_nothing_to_do_is_not_loaded_either(kind: str, idle: set[str]) -> None:
    async def hold() -> None:
        async with Agent("scripted", settings={f"{kind}.engine": "none", "turn.engine": "scripted"}) as agent:
            assert {*agent.readiness()} == {*ALL, "vad", "turn"} - {kind} - idle

    asyncio.run(hold())
    files = " ".join(model_files(load_settings("cpu.yaml", [f"{kind}.engine=none"], environ={}).settings))
    assert ("silero" in files, "smart-turn" in files) == ("vad" not in idle, "turn" not in idle)


@pytest.mark.parametrize("kind", ALL)
def test_a_conversation_is_refused_with_what_is_missing(kind: str) -> None:
    async def hold() -> None:
        async with agent_without(kind) as agent:
            with pytest.raises(AbsentError, match=rf"{kind}\.engine: none"):
                agent.open_session(lambda report: None)

    asyncio.run(hold())


def test_what_is_left_is_lent_and_what_is_not_there_is_refused() -> None:
    async def hold() -> None:
        async with agent_without("asr", "llm") as agent:
            agent.open_voice(lambda event: None).close()
            assert agent.abilities.voices
            with pytest.raises(AbsentError, match="without a speech recogniser"):
                agent.open_recogniser(lambda event: None)
            with pytest.raises(AbsentError, match="without a language model"):
                agent.open_model(lambda event: None)
            with pytest.raises(AbsentError):
                agent.count_tokens(())
        async with agent_without("tts") as agent:
            agent.open_recogniser(lambda event: None).close()
            agent.open_model(lambda event: None).close()
            with pytest.raises(AbsentError, match="without a voice"):
                agent.open_voice(lambda event: None)
            with pytest.raises(AbsentError):
                _ = agent.abilities

    asyncio.run(hold())


def test_the_doors_of_conversations_stay_shut_and_the_others_do_not(caplog: pytest.LogCaptureFixture) -> None:
    agent = agent_without("llm")
    client = TestClient(create_app(agent, agent.settings), base_url="http://localhost")
    assert [client.get(path).status_code for path in ("/", "/v1/realtime", "/props")] == [404, 404, 404]
    assert "The page stays shut" in client.get("/").json()["error"]["message"]
    assert client.get("/ready").status_code == 503  # nothing is loaded yet
    assert {model["id"] for model in client.get("/v1/models").json()["data"]} == set(agent.models.values())
    shut = {record.__dict__["door"]: record.__dict__["without"] for record in caplog.records}
    assert shut == {"page": "llm", "rtvi": "llm", "realtime": "llm"}


@pytest.mark.parametrize(
    ("kind", "path", "body"),
    [
        ("llm", "/v1/chat/completions", {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}),
        ("tts", "/v1/audio/speech", {"model": "tts-1", "input": "Hello", "voice": "alloy"}),
    ],
)
def test_openais_clients_are_told_what_is_missing(kind: str, path: str, body: dict[str, object]) -> None:
    agent = agent_without(kind)
    client = TestClient(create_app(agent, agent.settings), base_url="http://localhost")
    answer = client.post(path, json=body)
    assert answer.status_code == 404
    assert f"{kind}.engine is none" in answer.json()["error"]["message"]


def test_who_starts_it_is_not_invited_to_talk_to_nobody() -> None:
    assert invitation(Agent("scripted")) == "Talk to the agent"
    assert invitation(agent_without("llm")) == "Serving asr, tts"
    assert invitation(Agent("scripted", settings={"doors": ["openai"]})) == "Serving asr, llm, tts"


def test_settings_that_would_have_no_effect_are_refused() -> None:
    with pytest.raises(ConfigError, match="no recogniser"):
        load_settings("scripted", ["asr.engine=none", "asr.partials=false"])


@pytest.mark.parametrize("kind", ["vad", "turn"])
def test_what_a_recogniser_needs_cannot_be_left_out(kind: str) -> None:
    with pytest.raises(ConfigError):
        load_settings("scripted", [f"{kind}.engine=none"])
