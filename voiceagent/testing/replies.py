"""What a scripted language model says: how it calls a tool, and what it does by default."""

import json
import re
from typing import Any

from voiceagent.engines.llm.contract import Message, ToolSpec
from voiceagent.engines.llm.scripted.engine import echo


def tool_call(name: str, **arguments: Any) -> str:
    """Return the text with which a model calls a tool; it may occur anywhere in a reply."""
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


def use_tools(messages: tuple[Message, ...]) -> str:
    """Call the first tool whose name is among the user's words, then say its result; say everything else back.

    A text argument is the user's last word, a number the first one said; other arguments are left out.
    """
    results: list[str] = []
    for message in reversed(messages):
        if message.role != "tool":
            break
        results.insert(0, message.content)
    if results:
        return " ".join(results)
    words = re.findall(r"[\w'-]+", messages[-1].content)
    lowered = {word.lower() for word in words}
    for spec in messages[0].tools:
        if set(spec.name.lower().split("_")) <= lowered:
            return tool_call(spec.name, **_arguments(spec, words))
    return echo(messages)


def _arguments(spec: ToolSpec, words: list[str]) -> dict[str, Any]:
    numbers = [int(word) for word in words if word.isdecimal()]
    found: dict[str, Any] = {}
    for name, schema in json.loads(spec.parameters).get("properties", {}).items():
        kind = schema.get("type")
        if kind == "string":
            found[name] = words[-1]
        elif kind in ("integer", "number") and numbers:
            found[name] = numbers[0]
    return found
