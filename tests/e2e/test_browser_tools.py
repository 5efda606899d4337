"""The agent uses tools in a conversation with a real browser: a Python function and an MCP server's, both interrupted.

The language model is remote and scripted: it writes its calls as Nemotron-3 and Qwen do, into its text.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
from browser import chromium, microphone
from openai_server import OpenAiServer
from playwright.sync_api import expect
from test_browser_talk import connect, texts, wait_for_answers

from benchmarks.served import serving

pytestmark = [pytest.mark.browser, pytest.mark.realtime]
pytest.importorskip("openai")
pytest.importorskip("mcp")

MCP_SERVER = Path(__file__).parents[1] / "tools" / "mcp_weather.py"
FUNCTIONS = '''
import asyncio

def opening_hours(shop: str, day: str = "today") -> str:
    """Look up when a shop is open."""
    return f"{shop} is open until nine {day}"

async def search(words: str) -> str:
    """Search for a very long time."""
    await asyncio.sleep(600)
'''
XML = "<tool_call>\n<function=opening_hours>\n<parameter=shop>\nThe bakery\n</parameter>\n</function>\n</tool_call>"
JSON = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome", "days": "2"}}\n</tool_call>'
SLOW_XML = "Let me see. <tool_call><function=search><parameter=words>fish</parameter></function></tool_call>"
SLOW_JSON = '<tool_call>{"name": "wait", "arguments": {"seconds": 600}}</tool_call>'


def spoken(text):
    """Split a reply into pieces as a server does."""
    return [*(word + " " for word in text.split(" ")), ("stop",)]


def with_tools(server, tmp_path, monkeypatch):
    """Return the settings of an agent that thinks at `server` and has tools of both kinds."""
    (tmp_path / "our_functions.py").write_text(FUNCTIONS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return [
        "session.greeting=",
        "session.idle_s=0",
        "session.tool_timeout_s=900",
        "llm.engine=openai",
        f"llm.base_url={server.url}",
        "tools=[our_functions:opening_hours, our_functions:search]",
        f"mcp=[{{name: weather, command: [{sys.executable}, {MCP_SERVER}], tools: [get_weather, wait]}}]",
    ]


def ask(page, text):
    page.get_by_label("Message to the agent").fill(text)
    page.get_by_role("button", name="Send").click()


def results_of(request):
    """Check that each call of a conversation is answered right after it, and return the answers."""
    open_calls, results = [], []
    for message in request["messages"]:
        if message["role"] == "tool":
            assert open_calls.pop(0) == message["tool_call_id"]
            results.append(message["content"])
        else:
            assert not open_calls
            open_calls = [call["id"] for call in message.get("tool_calls", [])]
    assert not open_calls
    return results


def test_a_python_tool_and_an_mcp_tool_are_called_and_spoken_of(tmp_path, monkeypatch):
    def reply(request):
        last = request["messages"][-1]
        if last["role"] == "tool":
            return spoken(f"I know that {last['content']}.")
        return spoken(XML if "bakery" in last["content"] else JSON)

    recording = microphone(tmp_path / "microphone.wav", 60.0)
    with OpenAiServer(reply) as server:
        sets = with_tools(server, tmp_path, monkeypatch)
        with serving("scripted.yaml", sets) as url, chromium(recording) as page:
            connect(page, url)
            ask(page, "When does the bakery close?")
            wait_for_answers(page, 1)
            ask(page, "And what is the weather like in Rome?")
            wait_for_answers(page, 2)
            assert texts(page, "agent") == [
                "I know that The bakery is open until nine today.",
                "I know that Rome: rain for two days.",
            ]
            notes = page.locator("#entries > li.note").all_text_contents()
            assert [note.split()[-1] for note in notes] == ["opening_hours", "get_weather"]
        assert len(results_of(server.requests[-1])) == 2
        assert {tool["function"]["name"] for tool in server.requests[0]["tools"]} == {
            "opening_hours",
            "search",
            "get_weather",
            "wait",
        }


@pytest.mark.thorough
def test_speaking_while_a_tool_runs_ends_it_and_the_conversation_goes_on(tmp_path, monkeypatch):
    def reply(request):
        asked = sum(message["role"] == "user" for message in request["messages"])
        return spoken([SLOW_XML, SLOW_JSON, "Then let us talk of something else."][min(asked, 3) - 1])

    voice = np.tile(0.3 * np.sin(2 * np.pi * 150 * np.arange(160) / 16_000), 200).astype(np.float32)  # two seconds
    recording = microphone(tmp_path / "microphone.wav", 2.0, voice, 8.0, voice, 8.0, voice, 40.0)
    with OpenAiServer(reply) as server:
        sets = [*with_tools(server, tmp_path, monkeypatch), "session.tool_filler="]
        with serving("scripted.yaml", sets) as url, chromium(recording) as page:
            connect(page, url)
            answer = page.locator("#entries > li.entry-agent .said").last
            expect(answer).to_have_text("Then let us talk of something else.", timeout=60_000)
            wait_for_answers(page, 2)
            notes = page.locator("#entries > li.note").all_text_contents()
            assert [note.split()[-1] for note in notes] == ["search", "wait"]
            assert texts(page, "agent")[0] == "Let me see. interrupted"
        results = results_of(server.requests[-1])
        assert len(results) == 2
        assert all(result.startswith("Cancelled") for result in results)
