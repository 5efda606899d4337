"""Tools for conversations in virtual time."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from voiceagent.tools.contract import Tool
from voiceagent.tools.function import function_tool


def virtual_tool(tool: Tool | Callable[..., Any]) -> Tool:
    """Make a tool of a function. An ordinary one runs on the event loop, since no thread keeps to virtual time.

    Raises VoiceAgentError for a function without type hints or a docstring.
    """
    if isinstance(tool, Tool):
        return tool
    if inspect.iscoroutinefunction(tool):
        return function_tool(tool)
    function = tool

    @functools.wraps(function)
    async def at_once(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return function_tool(at_once)
