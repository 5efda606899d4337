"""MCP servers as sources of tools: real ones, in processes of their own."""

import asyncio
import json
import socket
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from voiceagent.engines.llm.contract import ToolCall
from voiceagent.errors import VoiceAgentError
from voiceagent.tools import Toolbox

pytest.importorskip("mcp")
from voiceagent.tools import mcp_server
from voiceagent.tools.mcp_server import Address, McpServer

SCRIPT = str(Path(__file__).with_name("mcp_weather.py"))
STDIO = Address(command=(sys.executable, SCRIPT))


@asynccontextmanager
async def connected(address=STDIO, **options):
    toolbox = Toolbox()
    server = McpServer("weather", address, on_change=lambda: toolbox.replace(server.tools), **options)
    try:
        await server.connect()
        yield toolbox
    finally:
        server.close()
        await asyncio.gather(server._keeper, return_exceptions=True)


async def call(toolbox, name, **arguments):
    result = asyncio.get_running_loop().create_future()
    toolbox.start(ToolCall("1", name, json.dumps(arguments)), result.set_result)
    return await asyncio.wait_for(result, 30)


@contextmanager
def http_server(port):
    process = subprocess.Popen([sys.executable, SCRIPT, str(port)], stderr=subprocess.DEVNULL)
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None
        yield Address(url=f"http://127.0.0.1:{port}/mcp")
    finally:
        process.kill()
        process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def until_well(toolbox):
    """Call until the server is there again; the time-out only ends a test that would hang."""
    async with asyncio.timeout(30):
        said = "Error"
        while said.startswith("Error"):
            said = await call(toolbox, "get_weather", city="Rome")
    return said


async def until(well):
    """Let others run until it is well; the time-out only ends a test that would hang."""
    async with asyncio.timeout(30):
        while not well():  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(0.01)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(mcp_server, "RETRY_S", (0.0, 0.05))


def test_a_server_that_is_started_offers_its_tools():
    async def main():
        async with connected() as toolbox:
            spec = next(spec for spec in toolbox.specs if spec.name == "get_weather")
            assert spec.description == "Look up the weather."
            assert json.loads(spec.parameters)["required"] == ["city"]
            assert await call(toolbox, "get_weather", city="Rome", days="3") == "Rome: rain for 3 days"
            assert "1" in await call(toolbox, "get_numbers")

    asyncio.run(main())


def test_a_server_at_an_address_offers_its_tools():
    async def main():
        with http_server(free_port()) as address:
            async with connected(replace(address, token="let me in")) as toolbox:
                assert await call(toolbox, "get_weather", city="Rome") == "Rome: rain for 1 days"

    asyncio.run(main())


def test_calls_run_side_by_side():
    async def main():
        async with connected(only=["wait", "get_weather"]) as toolbox:
            waiting = asyncio.ensure_future(call(toolbox, "wait", seconds=60))
            assert await call(toolbox, "get_weather", city="Rome") == "Rome: rain for 1 days"
            assert not waiting.done()
            waiting.cancel()

    asyncio.run(main())


def test_a_tool_that_fails_is_told_in_its_words_and_megabytes_are_cut():
    async def main():
        async with connected() as toolbox:
            said = await call(toolbox, "fail")
            assert said.startswith("Error: ")
            assert "no satellite" in said
            assert (await call(toolbox, "get_weather")).startswith("Error: ")
            flood = await call(toolbox, "flood")
            assert len(flood) < 2_100
            assert "cut" in flood
            assert await call(toolbox, "get_weather", city="Rome") == "Rome: rain for 1 days"

    asyncio.run(main())


def test_a_server_that_dies_fails_its_calls_and_comes_back(impatient, caplog):
    async def main():
        async with connected() as toolbox:
            assert await call(toolbox, "die") == "Error: the server weather went away: Connection closed"
            assert await until_well(toolbox) == "Rome: rain for 1 days"
            assert "went away" in caplog.text

    asyncio.run(main())


def test_a_server_at_an_address_may_be_started_anew(impatient, caplog):
    async def main():
        port = free_port()
        with http_server(port) as address:
            server = McpServer("weather", address)
            await server.connect()
            toolbox = Toolbox(server.tools)
        assert (await call(toolbox, "get_weather", city="Rome")).startswith("Error: the server weather")
        with http_server(port):
            assert await until_well(toolbox) == "Rome: rain for 1 days"
            server.close()
            await asyncio.gather(server._keeper, return_exceptions=True)
        assert "is lost" in caplog.text

    asyncio.run(main())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_server_that_changes_its_tools_is_followed(monkeypatch, mode):
    monkeypatch.setattr(mcp_server, "Client", partial(mcp_server.Client, mode=mode))

    async def main():
        async with connected() as toolbox:
            assert "get_tides" not in [spec.name for spec in toolbox.specs]
            assert await call(toolbox, "learn") == "learnt"
            await until(lambda: "get_tides" in [spec.name for spec in toolbox.specs])
            assert await call(toolbox, "get_tides", city="Rome") == "Rome: high"

    asyncio.run(main())


def test_a_server_that_tells_nothing_is_asked_now_and_then(monkeypatch):
    monkeypatch.setattr(mcp_server, "ASK_S", 0.01)
    monkeypatch.setattr(mcp_server, "Client", partial(mcp_server.Client, mode="legacy"))
    monkeypatch.setattr(McpServer, "_on_message", AsyncMock())

    async def main():
        async with connected() as toolbox:
            await call(toolbox, "learn")
            await until(lambda: "get_tides" in [spec.name for spec in toolbox.specs])

    asyncio.run(main())


def test_tools_that_are_not_wanted_change_nothing():
    async def main():
        changes = []
        server = McpServer("weather", STDIO, only=["get_numbers", "learn"], on_change=lambda: changes.append(1))
        await server.connect()
        toolbox = Toolbox(server.tools)
        before = server._client
        await call(toolbox, "learn")
        await call(toolbox, "get_numbers")
        assert (changes, server._client) == ([1], before)
        server.close()
        await asyncio.gather(server._keeper, return_exceptions=True)

    asyncio.run(main())


@pytest.mark.parametrize("only", [[], ["get_weather"]])
def test_tools_that_are_gone_after_a_loss_are_told_of(impatient, caplog, only):
    """The server that comes back in the place of the lost one has other tools."""

    async def main():
        changes = []
        server = McpServer("weather", STDIO, only=only, on_change=lambda: changes.append(len(server.tools)))
        await server.connect()
        server._address = Address(command=(sys.executable, SCRIPT, "--less"))
        server._gone(OSError("as if"))
        assert server.connected, "until the task has heard of it"
        await until(lambda: len(changes) == 2)
        assert [tool.spec.name for tool in server.tools] == ([] if only else ["get_numbers"])
        assert ("has no tool called get_weather" in caplog.text) == bool(only)
        server.close()
        await asyncio.gather(server._keeper, return_exceptions=True)

    asyncio.run(main())


def test_a_server_that_dies_unasked_is_noticed(impatient, caplog):
    async def main():
        with http_server(port := free_port()) as address:
            server = McpServer("weather", address)
            await server.connect()
            await until(lambda: server.connected)
        await until(lambda: not server.connected)
        with http_server(port):
            await until(lambda: server.connected)
            server.close()
            await asyncio.gather(server._keeper, return_exceptions=True)
        assert "is lost" in caplog.text

    asyncio.run(main())


def test_a_server_sees_the_variables_it_is_allowed_to(monkeypatch):
    monkeypatch.setenv("WEATHER_KEY", "sun")
    monkeypatch.setenv("OTHER_KEY", "moon")

    async def main():
        async with connected(replace(STDIO, environment=("WEATHER_KEY", "NO_SUCH_KEY"))) as toolbox:
            assert await call(toolbox, "environment", variable="WEATHER_KEY") == "sun"
            assert await call(toolbox, "environment", variable="OTHER_KEY") == "unset"

    asyncio.run(main())


def test_only_the_wanted_tools_are_taken():
    async def main():
        async with connected(only=["get_numbers"], on_interrupt="finish") as toolbox:
            assert [spec.name for spec in toolbox.specs] == ["get_numbers"]
            assert toolbox.start(ToolCall("1", "get_numbers", "{}"), lambda text: None).finishes
            toolbox.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("address", "options", "complaint"),
    [
        (Address(command=("/no/such/server",)), {}, "weather .*/no/such/server.* cannot be used.*Check it"),
        (Address(command=(sys.executable, "-c", "")), {}, "cannot be used"),
        (Address(url="http://127.0.0.1:9/mcp"), {}, "http://127.0.0.1:9/mcp.* cannot be used"),
        (STDIO, {"only": ["get_wether"]}, "has no tool called get_wether; it has get_weather"),
    ],
)
def test_a_server_that_cannot_be_used_is_told_at_the_start(address, options, complaint):
    async def main():
        server = McpServer("weather", address, **options)
        with pytest.raises(VoiceAgentError, match=complaint):
            await server.connect()
        await asyncio.gather(server._keeper, return_exceptions=True)

    asyncio.run(main())


def test_a_server_that_says_nothing_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(mcp_server, "CONNECT_S", 0.05)

    async def main():
        server = McpServer("weather", Address(command=(sys.executable, "-c", "import time; time.sleep(600)")))
        with pytest.raises(VoiceAgentError, match="did not answer within"):
            await server.connect()
        await asyncio.gather(server._keeper, return_exceptions=True)

    asyncio.run(main())
