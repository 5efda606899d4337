"""What is elsewhere fails, and the conversation goes on: a remote model, and an MCP server."""

import asyncio
import json
import logging
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from openai_server import FOREVER, OpenAiServer

from voiceagent.app.agent import Agent
from voiceagent.app.settings import load_settings
from voiceagent.session.events import Outcome
from voiceagent.session.reports import ResponseEnded, SegmentAnnounced

pytest.importorskip("openai")

SCRIPT = Path(__file__).parents[1] / "tools" / "mcp_weather.py"
MUTE = ("session.greeting=''", "session.idle_s=0", "session.tool_filler=''", "llm.engine=openai", "llm.retries=0")
WELL = ["All is ", "well.", ("stop",)]


class Call:
    """A session whose listener hears as fast as the agent speaks."""

    def __init__(self, agent):
        self.reports = []
        self.session = agent.open_session(self.reports.append)
        self.session.open()

    async def ask(self, text):
        """Type something and return what the agent says until it has nothing more to say."""
        known = len(self.reports)
        self.session.type(text)
        async with asyncio.timeout(60):
            while True:
                self.session.pull()
                await asyncio.sleep(0)
                new = self.reports[known:]
                ends = [report.outcome for report in new if isinstance(report, ResponseEnded)]
                if ends and ends[-1] is Outcome.COMPLETED:
                    segments = [report.words for report in new if isinstance(report, SegmentAnnounced)]
                    return " ".join(word for words in segments for word in words)


@asynccontextmanager
async def calling(server, *sets):
    agent = Agent(load_settings("scripted.yaml", [*MUTE, f"llm.base_url={server.url}", *sets]).settings)
    await agent.start()
    call = Call(agent)
    try:
        yield call
    finally:
        call.session.close()
        agent.close()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (401, "refuses the key"),
        (429, "refuses more requests"),
        (500, "answers with status 500"),
        ([FOREVER], "sent nothing for 0.3 s"),
        (["Once upon a time there was ", FOREVER], "sent nothing for 0.3 s"),
        (["Once upon a time there was ", "a king"], "ended a reply before it was complete"),
    ],
)
def test_a_remote_model_that_fails_is_apologised_for_and_asked_again_next_time(reply, reason, caplog):
    caplog.set_level(logging.ERROR)

    async def main():
        timeout = "llm.timeout_s=0.3" if isinstance(reply, list) else "llm.timeout_s=30"
        async with calling(server, timeout) as call:
            assert "something went wrong" in await call.ask("Hello?")
            assert reason in caplog.text
            assert await call.ask("And now?") == "All is well."
            said = [message for message in server.requests[-1]["messages"] if message["role"] == "user"]
            assert [message["content"] for message in said] == ["Hello?", "And now?"]

    with OpenAiServer(reply, WELL) as server:
        asyncio.run(main())


def test_an_mcp_server_that_dies_is_spoken_of_and_comes_back(caplog):
    pytest.importorskip("mcp")
    mcp = f"mcp=[{{name: weather, command: [{sys.executable}, {SCRIPT}]}}]"

    def reply(request):
        last = request["messages"][-1]
        if last["role"] == "tool":
            return ["I could not." if last["content"].startswith("Error") else "It rains.", ("stop",)]
        name, arguments = ("die", {}) if last["content"] == "Die." else ("get_weather", {"city": "Rome"})
        return [f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>", ("stop",)]

    async def main():
        async with calling(server, mcp) as call:
            assert await call.ask("How is Rome?") == "It rains."
            assert await call.ask("Die.") == "I could not."
            assert "the server weather went away" in caplog.text
            async with asyncio.timeout(60):
                while await call.ask("How is Rome?") != "It rains.":
                    pass

    with OpenAiServer(reply) as server:
        asyncio.run(main())
