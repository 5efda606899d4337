"""From settings to tools."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from voiceagent.app.agent import Agent
from voiceagent.app.settings import load_settings
from voiceagent.app.tools import Tools
from voiceagent.engines.llm.contract import ToolCall
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.errors import VoiceAgentError

SCRIPT = Path(__file__).parents[1] / "tools" / "mcp_weather.py"
MCP = f"mcp=[{{name: weather, command: [{sys.executable}, {SCRIPT}], tools: [get_weather]}}]"
GREET = '''
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Hello, {name}!"

def get_weather(city: str) -> str:
    """Look up the weather."""
'''


@pytest.fixture(autouse=True)
def functions(tmp_path, monkeypatch):
    (tmp_path / "greetings.py").write_text(GREET)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("greetings", None)


def settings(*sets):
    return load_settings("scripted.yaml", sets).settings


def test_functions_are_there_at_once_and_servers_when_they_are_connected():
    pytest.importorskip("mcp")

    async def main():
        tools = Tools(settings("tools=[greetings:greet]", MCP))
        assert [spec.name for spec in tools.toolbox.specs] == ["greet"]
        await tools.connect()
        assert [spec.name for spec in tools.toolbox.specs] == ["greet", "get_weather"]
        said = asyncio.get_running_loop().create_future()
        tools.toolbox.start(ToolCall("1", "greet", '{"name": "Ada"}'), said.set_result)
        assert await said == "Hello, Ada!"
        tools.close()

    asyncio.run(main())


def test_no_session_begins_before_the_servers_are_connected():
    pytest.importorskip("mcp")

    async def main():
        agent = Agent(settings(MCP))
        assert agent.readiness()["tools"] is False
        await agent.start()
        assert all(agent.readiness().values())
        agent.close()

    asyncio.run(main())


def test_a_session_knows_the_tools_of_its_beginning_and_the_next_one_what_has_come_since():
    pytest.importorskip("mcp")
    everything = MCP.replace(", tools: [get_weather]", "")

    async def main():
        agent = Agent(settings(everything))
        await agent.start()
        known = [agent.open_session(lambda message: None)]
        toolbox, learnt = agent._tools.toolbox, asyncio.get_running_loop().create_future()
        toolbox.start(ToolCall("1", "learn", "{}"), learnt.set_result)
        assert await learnt == "learnt"
        async with asyncio.timeout(30):
            while "get_tides" not in [spec.name for spec in toolbox.specs]:  # noqa: ASYNC110 (nothing tells)
                await asyncio.sleep(0.01)
        known.append(agent.open_session(lambda message: None))
        told = [["get_tides" in [tool.name for tool in s._history.messages[0].tools]] for s in known]
        assert told == [[False], [True]]
        for session in known:
            session.close()
        agent.close()

    asyncio.run(main())


def test_a_server_that_takes_another_tools_name_changes_nothing(caplog):
    pytest.importorskip("mcp")

    async def main():
        tools = Tools(settings("tools=[greetings:greet]", MCP))
        await tools.connect()
        tools._servers[0].tools.append(replace(tools._servers[0].tools[0]))
        tools._refill()
        assert [spec.name for spec in tools.toolbox.specs] == ["greet", "get_weather"]
        assert "the tools stay as they were: There are two tools called get_weather" in caplog.text
        tools.close()

    asyncio.run(main())


def test_a_server_that_has_gone_away_is_named_but_callers_may_come():
    pytest.importorskip("mcp")

    async def main():
        agent = Agent(settings(MCP))
        assert agent.lost() == []
        await agent.start()
        assert agent.lost() == []
        agent._tools._servers[0]._client = None
        assert agent.lost() == ["weather"]
        assert all(agent.readiness().values())
        agent.close()

    asyncio.run(main())


def test_a_model_that_is_not_told_of_the_tools_is_warned_of(caplog):
    async def main(*sets, deaf=False):
        llm = ScriptedLlm()
        if deaf:
            llm.count_tokens = lambda messages: 7
        agent = Agent(settings(*sets), llm=llm)
        await agent.start()
        agent.close()

    asyncio.run(main("tools=[greetings:greet]"))
    asyncio.run(main(deaf=True))
    assert "is not told" not in caplog.text
    asyncio.run(main("tools=[greetings:greet]", deaf=True))
    assert "does not see the tools (greet)" in caplog.text
    assert "trained to call tools" in caplog.text


def test_two_tools_of_one_name_are_told_at_the_start():
    pytest.importorskip("mcp")

    async def main():
        tools = Tools(settings("tools=[greetings:get_weather]", MCP))
        with pytest.raises(VoiceAgentError, match="two tools called get_weather"):
            await tools.connect()
        tools.close()

    asyncio.run(main())


def test_a_function_that_is_not_there_is_told_before_anything_is_loaded():
    with pytest.raises(VoiceAgentError, match="greetings:gret does not exist"):
        Agent(settings("tools=[greetings:gret]"))


@pytest.mark.parametrize(("package", "sets"), [("mcp", [MCP]), ("openai", ["llm.engine=openai"])])
def test_a_package_that_is_not_installed_is_named(monkeypatch, package, sets):
    for module in ("voiceagent.tools.mcp_server", "voiceagent.engines.llm.openai.engine"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(VoiceAgentError, match=rf"pip install 'voiceagent\[{package}\]'"):
        asyncio.run(Agent(settings(*sets)).start())


def test_a_token_that_is_not_set_is_asked_for(monkeypatch):
    pytest.importorskip("mcp")
    monkeypatch.delenv("WEATHER_TOKEN", raising=False)
    with pytest.raises(VoiceAgentError, match="set the environment variable WEATHER_TOKEN"):
        Tools(settings("mcp=[{name: weather, url: 'http://localhost/mcp', token_env: WEATHER_TOKEN}]"))
