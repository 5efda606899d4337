"""A real server takes our tools, calls and results as the protocol has them, and talks on."""

import asyncio

import pytest
from llama_server import KEY, llama_server

from voiceagent.engines.llm.contract import Completed, Message, Token, ToolCall, ToolSpec

pytest.importorskip("openai")
from voiceagent.engines.llm.openai.engine import OpenAiEngine

pytestmark = pytest.mark.models

WEATHER = ToolSpec(
    "get_weather",
    "Look up the weather.",
    '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}',
)
SYSTEM = Message("system", "You are a helpful voice assistant. Answer in one short sentence.", tools=(WEATHER,))
QUESTION = Message("user", "How is the weather in Rome?")
CALL = Message("assistant", "", calls=(ToolCall("call_1_0", "get_weather", '{"city": "Rome"}'),))
RESULT = Message("tool", "Rome: rain, 12 degrees", call_id="call_1_0")


async def replied(engine, *messages):
    events, over = [], asyncio.Event()

    def take(event):
        events.append(event)
        if not isinstance(event, Token):
            over.set()

    stream = engine.open(take)
    stream.generate(1, messages, 0.0)
    async with asyncio.timeout(150):
        await over.wait()
    stream.close()
    assert isinstance(events[-1], Completed), events[-1]
    return "".join(event.text for event in events if isinstance(event, Token))


def test_a_conversation_goes_on_after_a_tool(monkeypatch):
    monkeypatch.setenv("OUR_KEY", KEY)

    async def main(url):
        sampling = {"temperature": 0.0, "max_tokens": 40, "seed": 0}
        engine = OpenAiEngine(
            url, "smol", key_variable="OUR_KEY", timeout_s=120, retries=0, sampling=sampling, template_arguments={}
        )
        await asyncio.to_thread(engine.load)
        assert await replied(engine, SYSTEM, QUESTION)
        said = await replied(engine, SYSTEM, QUESTION, CALL, RESULT)
        assert "rain" in said or "12" in said, said
        assert await replied(
            engine, SYSTEM, QUESTION, CALL, RESULT, Message("assistant", said), Message("user", "And tomorrow?")
        )
        engine.close()
        await asyncio.sleep(0)

    with llama_server() as (url, _):
        asyncio.run(main(url))
