"""The tools of one agent, and the calls that are running.

A call always ends in text for the model, within its time: a result, cut to a length that a conversation can hold, or
what went wrong. Results are what others wrote: they are given to the model, never to the voice. What was called and how
it ended is logged, but neither arguments nor results, which may repeat what the user said.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from voiceagent.engines.llm.contract import ToolCall, ToolSpec
from voiceagent.errors import VoiceAgentError
from voiceagent.tools.contract import Tool
from voiceagent.tools.fit import fitted

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
MAX_CHARS = 2000
"""Of a result: about 500 tokens, the most that a spoken answer can be made of."""
MAX_COMPLAINT_CHARS = 300


@dataclass(frozen=True, slots=True)
class Running:
    """A call under way."""

    finishes: bool
    """Whether the tool wants to finish though nobody waits for its result."""
    cancel: Callable[[], object]
    """Stop it; no result comes after this."""


class Toolbox:
    """Tools by name. Raises VoiceAgentError when two have the same one; both methods belong on the event loop."""

    def __init__(self, tools: Iterable[Tool] = (), *, timeout_s: float = TIMEOUT_S, max_chars: int = MAX_CHARS) -> None:
        self._tools: dict[str, Tool] = {}
        self._timeout_s = timeout_s
        self._max_chars = max_chars
        self._running: set[asyncio.Task[None]] = set()
        for tool in tools:
            if self._tools.setdefault(tool.spec.name, tool) is not tool:
                raise VoiceAgentError(
                    f"There are two tools called {tool.spec.name}: rename one, or leave it out (mcp: tools)."
                )

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the model is told."""
        return tuple(tool.spec for tool in self._tools.values())

    def start(self, call: ToolCall, on_result: Callable[[str], None], *, session: str = "") -> Running:
        """Run a call; its result comes on the event loop, after this returns, unless it is cancelled first."""
        tool = self._tools.get(call.name)
        task = asyncio.get_running_loop().create_task(self._run(tool, call, on_result, session))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return Running(tool is not None and tool.on_interrupt == "finish", task.cancel)

    def close(self) -> None:
        """Cancel every call."""
        for task in self._running:
            task.cancel()

    async def _run(self, tool: Tool | None, call: ToolCall, on_result: Callable[[str], None], session: str) -> None:
        fields = {"session": session, "tool": call.name}
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            result = await self._result(tool, call)
            log.info("tool finished", extra={**fields, "seconds": round(loop.time() - start, 2)})
        except asyncio.CancelledError:
            log.info("tool cancelled", extra=fields)
            raise
        except Exception as error:  # whatever a tool raises is between it and the model
            said = f"{error}" or type(error).__name__
            log.warning("tool failed: %s", _cut(said, MAX_COMPLAINT_CHARS), extra=fields)
            result = f"Error: {_cut(said, MAX_COMPLAINT_CHARS)}"
        on_result(_cut(result, self._max_chars))

    async def _result(self, tool: Tool | None, call: ToolCall) -> str:
        if tool is None:
            raise VoiceAgentError(f"there is no tool {call.name}; there are {', '.join(self._tools) or 'none'}")
        work = asyncio.ensure_future(tool.run(_arguments(tool, call)))
        limit_s = self._timeout_s if tool.timeout_s is None else tool.timeout_s
        try:
            # Not `timeout`, which would wait for a tool that does not heed its cancellation.
            done, _ = await asyncio.wait({work}, timeout=limit_s)
        finally:
            work.cancel()
            work.add_done_callback(_unheard)
        if not done:
            raise VoiceAgentError(f"{call.name} did not answer within {limit_s:g} s")
        if work.cancelled():
            raise VoiceAgentError(f"{call.name} gave up")
        return work.result()


def _arguments(tool: Tool, call: ToolCall) -> dict[str, Any]:
    arguments = json.loads(call.arguments)
    return fitted(arguments, json.loads(tool.spec.parameters)) if isinstance(arguments, dict) else {}


def _unheard(work: "asyncio.Future[str]") -> None:
    """Look at the error of a call that nobody waits for, or asyncio complains that nobody did."""
    if not work.cancelled():
        work.exception()


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]} ... (cut; {len(text)} characters in all)"
