"""An agent for Pipecat's client: a script that calls whichever tool is named, or real models (`cpu.yaml`)."""

import asyncio
import sys

from voiceagent import Agent
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.testing.replies import use_tools


async def opening_hours(shop: str) -> str:
    """Look up when a shop is open."""
    return f"The {shop} is open until nine."


async def search(words: str) -> str:
    """Search for a very long time."""
    await asyncio.sleep(600)
    return words


if __name__ == "__main__":
    config, *given = sys.argv[1:]
    settings = dict(item.split("=", 1) for item in given)
    scripted = {"llm": ScriptedLlm(use_tools), "tools": [opening_hours, search]} if config == "scripted.yaml" else {}
    Agent(config, settings={"session.greeting": "", "session.idle_s": 0, **settings}, **scripted).serve()
