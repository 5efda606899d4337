"""A Python function as a tool.

A coroutine function runs on the event loop, which it must not block; an ordinary function runs in a thread of its own.
A thread cannot be ended: one that hangs is left alone, and a tool whose threads all hang refuses further calls.
"""

import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from pydantic_core import to_json

from voiceagent.engines.llm.contract import ToolSpec
from voiceagent.errors import VoiceAgentError
from voiceagent.tools.contract import Tool
from voiceagent.tools.daemon_thread import in_thread
from voiceagent.tools.declare import declaration
from voiceagent.tools.signature import Signature

MAX_THREADS = 8
"""Calls of one function at a time: more than one server's conversations make, unless they hang."""


def function_tool(function: Callable[..., Any]) -> Tool:
    """Make a tool of a function with type hints and a docstring. Raises VoiceAgentError where one is missing."""
    name = getattr(function, "__name__", type(function).__name__)
    signature = Signature(name, function)
    threads = BoundedSemaphore(MAX_THREADS)

    async def run(arguments: dict[str, Any]) -> str:
        bound = signature.bind(arguments)
        if inspect.iscoroutinefunction(function):
            return as_text(await _without_exit(function(**bound)))
        return await _in_thread(lambda: as_text(function(**bound)), name, threads)

    declared = declaration(function)
    return Tool(ToolSpec(name, signature.description, signature.schema), run, declared.timeout_s, declared.on_interrupt)


def find_function(place: str) -> Callable[..., Any]:
    """Import `module:function`; the working directory is on the import path. Raises VoiceAgentError."""
    module_name, _, name = place.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module_name), name)
    except ModuleNotFoundError as error:
        raise VoiceAgentError(
            f"The tool {place} cannot be imported: there is no module {error.name}. Install it, or start in its folder."
        ) from error
    except AttributeError as error:
        raise VoiceAgentError(f"The tool {place} does not exist: {error}.") from error
    except Exception as error:  # a module may raise anything when it is imported
        raise VoiceAgentError(f"The tool {place} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise VoiceAgentError(f"The tool {place} is not a function, but {type(found).__name__}.")
    function: Callable[..., Any] = found
    return function


def as_text(result: object) -> str:
    """Return a function's result as a model reads it: text as it is, anything else as JSON."""
    if isinstance(result, str):
        return result
    return "Done." if result is None else to_json(result, fallback=str, inf_nan_mode="constants").decode()


async def _without_exit(result: Awaitable[object]) -> object:
    try:
        return await result
    except (SystemExit, KeyboardInterrupt) as error:  # on the event loop these would end the process
        raise RuntimeError("it tried to end the program") from error


async def _in_thread(work: Callable[[], str], name: str, threads: BoundedSemaphore) -> str:
    """Run `work` in a thread, of which a function may have a few at a time."""
    if not threads.acquire(blocking=False):
        raise VoiceAgentError(f"{name} is busy with {MAX_THREADS} other calls")
    return await in_thread(work, f"tool-{name}", threads.release)
