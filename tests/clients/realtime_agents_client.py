"""A spoken conversation of PyPI openai-agents: two questions, the second of which interrupts the answer to the first.

Arguments: the WebSocket's address, two files of 16-bit audio at 24 kHz, and whether there is a tool to be called
("tool" or "none"). Prints JSON lines.
"""

import asyncio
import json
import sys
from pathlib import Path

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner

FRAME_BYTES, FRAME_S = 960, 0.02
INTERRUPT_AFTER_S = 1.5
SILENCE = bytes(FRAME_BYTES)


@function_tool
def weather(city: str) -> str:
    """Return the weather in a city."""
    tell(tool="weather", city=city)
    return f"Sunny in {city}."


def tell(**line):
    print(json.dumps(line), flush=True)


class Microphone:
    """Sends silence all the time, and what is said over it."""

    def __init__(self, session):
        self._session = session
        self._said = b""

    def say(self, audio):
        self._said = audio

    async def run(self):
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            frame, self._said = self._said[:FRAME_BYTES], self._said[FRAME_BYTES:]
            await self._session.send_audio(frame.ljust(FRAME_BYTES, b"\0") if frame else SILENCE)
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - loop.time()))


def shown(item):
    """Return an item of the history, in short."""
    if item.type == "function_call":
        return {"type": item.type, "name": item.name, "arguments": item.arguments, "output": item.output}
    texts = [getattr(part, "transcript", None) or getattr(part, "text", None) for part in item.content]
    return {"role": item.role, "texts": texts, "id": item.item_id}


async def main(url, first, second, tool):
    agent = RealtimeAgent(
        name="Robin", instructions="Call the tool." if tool else "Tell a long story.", tools=[weather] if tool else []
    )
    settings = {"turn_detection": {"type": "semantic_vad", "interrupt_response": True}}
    runner = RealtimeRunner(agent)
    session = await runner.run(model_config={"url": url, "api_key": "x", "initial_model_settings": settings})
    history, interrupted, responses, raw = [], False, 0, []
    async with session:
        microphone = Microphone(session)
        sending = asyncio.create_task(microphone.run())
        microphone.say(first)
        async for event in session:
            match event.type:
                case "raw_model_event" if event.data.type == "raw_server_event":
                    kind = event.data.data["type"]
                    raw.append(kind)
                    if kind == "response.done":
                        responses += 1
                        tell(response=event.data.data["response"])
                        if interrupted and event.data.data["response"]["status"] != "cancelled":
                            break
                case "raw_model_event" if event.data.type in ("error", "exception"):
                    tell(error=repr(event.data))
                case "audio" if not interrupted:
                    if not tool or any(item.type == "function_call" for item in history):
                        interrupted = True
                        asyncio.get_running_loop().call_later(INTERRUPT_AFTER_S, microphone.say, second)
                case "audio_interrupted":
                    tell(interrupted=True)
                case "history_added":
                    history = [*history, event.item]
                case "history_updated":
                    history = event.history
                case "error":
                    tell(error=repr(event.error))
        await asyncio.sleep(0.3)  # what was retrieved comes after the answer
        sending.cancel()
    tell(kinds=raw)
    tell(history=[shown(item) for item in session._history])


asyncio.run(main(sys.argv[1], *(Path(name).read_bytes() for name in sys.argv[2:4]), sys.argv[4] == "tool"))
