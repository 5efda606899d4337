"""Conversations in the form that chat templates and OpenAI-compatible servers share. Pure."""

import json
from collections.abc import Callable
from typing import Any

from voiceagent.engines.llm.contract import Message, ToolSpec


def as_chat(message: Message) -> dict[str, Any]:
    """Return a message as a server expects it: the arguments of calls are JSON text."""
    chat: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.calls:
        chat["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.role == "tool":
        chat["tool_call_id"] = message.call_id
    return chat


def as_template_chat(message: Message, clean: Callable[[str], str]) -> dict[str, Any]:
    """Return a message as chat templates expect it: the arguments of calls are objects, which they format themselves.

    `clean` is applied to all text that is not the operator's.
    """
    chat = as_chat(message)
    if message.role != "system":
        chat["content"] = clean(message.content)
    for call in chat.get("tool_calls", ()):
        function = call["function"]
        function["name"] = clean(function["name"])
        function["arguments"] = _each_text(json.loads(function["arguments"]), clean)
    return chat


def tools_of(messages: tuple[Message, ...]) -> tuple[ToolSpec, ...]:
    """Return the tools in a conversation's system message."""
    return messages[0].tools if messages else ()


def as_functions(tools: tuple[ToolSpec, ...]) -> list[dict[str, Any]]:
    """Return the declarations of tools."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": json.loads(tool.parameters),
            },
        }
        for tool in tools
    ]


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(key): _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    return change(value) if isinstance(value, str) else value
