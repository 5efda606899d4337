"""What a scenario puts in the place of models and tools: replies and results that are given."""

import asyncio
import json
from typing import Any

from voiceagent.engines.llm.contract import Message, ToolSpec
from voiceagent.engines.llm.scripted.engine import Reply as Replies
from voiceagent.evals.scenario import Reply, ScriptedTool
from voiceagent.evals.words import has
from voiceagent.testing.replies import tool_call, use_tools
from voiceagent.tools.contract import Tool


def scripted_replies(replies: tuple[Reply, ...]) -> Replies:
    """Return what a scripted model says: the first reply that fits, or else what it says by itself."""

    def reply(messages: tuple[Message, ...]) -> str:
        last = messages[-1]
        result = last.content if last.role == "tool" else None
        called = next((message.calls[-1].name for message in reversed(messages) if message.calls), None)
        words = next((message.content for message in reversed(messages) if message.role == "user"), "")
        for one in replies:
            if (one.after is None) != (result is None) or (one.after is not None and one.after != called):
                continue
            if one.hears is None or has(words, one.hears):
                said = one.says.replace("{result}", result or "")
                return said if one.calls is None else said + tool_call(one.calls.name, **one.calls.arguments)
        return use_tools(messages)

    return reply


def scripted_tool(tool: ScriptedTool) -> Tool:
    """Return a tool that gives its result after its time, or fails."""

    async def run(arguments: dict[str, Any]) -> str:
        await asyncio.sleep(tool.takes_ms / 1000)
        if tool.fails is not None:
            raise RuntimeError(tool.fails)
        return tool.result

    properties = {name: {"type": kind} for name, kind in tool.parameters.items()}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return Tool(ToolSpec(tool.name, tool.about, json.dumps(schema)), run)
