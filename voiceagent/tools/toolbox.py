"""The tools of one agent, and the calls that are running.

A call always ends in text for the model, within its time: a result, cut to a length that a conversation can hold, or
what went wrong. Results are untrusted text: they go to the model, never to the voice. What was called and how it ended
is logged, but neither arguments nor results, which may repeat what the user said.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from voiceagent.engines.llm.contract import ToolCall, ToolSpec
from voiceagent.errors import VoiceAgentError
from voiceagent.tools.contract import Tool
from voiceagent.tools.fit import fitted
from voiceagent.trace.about import about_the_same
from voiceagent.trace.tools import UNKNOWN_TOOL, ToolOutcome, ToolUse

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
MAX_CHARS = 2000
"""Of a result: about 500 tokens, the most that a spoken answer can be made of."""
MAX_COMPLAINT_CHARS = 300


@dataclass(frozen=True, slots=True)
class Running:
    """A call under way."""

    use: ToolUse
    """What is known of it so far."""
    finishes: bool
    """Whether the tool should finish though its result is no longer awaited."""
    cancel: Callable[[], object]
    """Stop it; no result comes after this."""


class Toolbox:
    """Tools by name. Call all methods on the event loop.

    Raises VoiceAgentError when two tools have the same name. `on_ended` is called for every call, however it ended.
    """

    def __init__(
        self,
        tools: Iterable[Tool] = (),
        *,
        timeout_s: float = TIMEOUT_S,
        max_chars: int = MAX_CHARS,
        on_ended: Callable[[ToolUse], None] = lambda use: None,
    ) -> None:
        self._tools = _by_name(tools)
        self._timeout_s = timeout_s
        self._max_chars = max_chars
        self._on_ended = on_ended
        self._running: set[asyncio.Task[None]] = set()

    def replace(self, tools: Iterable[Tool]) -> None:
        """Offer other tools from now on; those under way go on. Raises VoiceAgentError as above, changing nothing."""
        self._tools = _by_name(tools)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the model sees."""
        return tuple(tool.spec for tool in self._tools.values())

    def choose(self, wanted: Iterable[str | Tool] | None) -> "Chosen":
        """Return some of these tools, by name, with others that only the chooser has; None chooses all of these.

        Raises VoiceAgentError, which lists these, for an unknown name, or when two have the same name.
        """
        if wanted is None:
            return Chosen(self, self.specs, None)
        chosen = _by_name(tool if isinstance(tool, Tool) else self._named(tool) for tool in wanted)
        own = {name: tool for name, tool in chosen.items() if self._tools.get(name) is not tool}
        return Chosen(self, tuple(tool.spec for tool in chosen.values()), own)

    def start(
        self,
        call: ToolCall,
        on_result: Callable[[str], None],
        *,
        session: str = "",
        among: Mapping[str, Tool] | None = None,
    ) -> Running:
        """Run a call of one of these tools, or of others that may be called in their place (`among`).

        The result comes on the event loop, after this returns, unless it is cancelled first.
        """
        tools, loop = self._tools if among is None else among, asyncio.get_running_loop()
        tool = tools.get(call.name)
        use = ToolUse(call.name if tool else UNKNOWN_TOOL, loop.time())
        task = loop.create_task(self._run(tool, call, use, on_result, session, tools), context=about_the_same())

        def cancel() -> None:
            self._end(use, "cancelled")  # at once: the canceller may be about to record the turn
            task.cancel()

        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return Running(use, tool is not None and tool.on_interrupt == "finish", cancel)

    def close(self) -> None:
        """Cancel every call."""
        for task in self._running:
            task.cancel()

    def find(self, name: str) -> Tool | None:
        """Return a tool, or None where there is none of that name any more."""
        return self._tools.get(name)

    def _named(self, name: str) -> Tool:
        if (tool := self._tools.get(name)) is None:
            raise VoiceAgentError(f"There is no tool {name}; there are {', '.join(self._tools) or 'none'}.")
        return tool

    async def _run(
        self,
        tool: Tool | None,
        call: ToolCall,
        use: ToolUse,
        on_result: Callable[[str], None],
        session: str,
        tools: Iterable[str],
    ) -> None:
        fields = {"session": session, "tool": call.name}
        try:
            result = await self._result(tool, call, tools)
            self._end(use, "done")
            log.info("tool finished", extra={**fields, "seconds": round(use.seconds or 0.0, 2)})
        except asyncio.CancelledError:
            self._end(use, "cancelled")
            log.info("tool cancelled", extra=fields)
            raise
        except Exception as error:  # anything a tool raises goes to the model, not further
            self._end(use, "failed")
            said = f"{error}" or type(error).__name__
            log.warning("tool failed: %s", _cut(said, MAX_COMPLAINT_CHARS), extra=fields)
            result = f"Error: {_cut(said, MAX_COMPLAINT_CHARS)}"
        on_result(_cut(result, self._max_chars))

    def _end(self, use: ToolUse, outcome: ToolOutcome) -> None:
        if use.settle(outcome, asyncio.get_running_loop().time()):
            self._on_ended(use)

    async def _result(self, tool: Tool | None, call: ToolCall, tools: Iterable[str]) -> str:
        if tool is None:
            raise VoiceAgentError(f"there is no tool {call.name}; there are {', '.join(tools) or 'none'}")
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


@dataclass(frozen=True, slots=True)
class Chosen:
    """The tools of one session: some of a toolbox, or all of them, and perhaps some of its own."""

    toolbox: Toolbox
    specs: tuple[ToolSpec, ...]
    """What the model sees."""
    own: Mapping[str, Tool] | None
    """Those that are not in the toolbox; None where all of the toolbox are chosen, including later ones."""

    def start(self, call: ToolCall, on_result: Callable[[str], None], *, session: str = "") -> Running:
        """Run a call, as `Toolbox.start` does; a tool that was not chosen is unknown."""
        if self.own is None:
            return self.toolbox.start(call, on_result, session=session)
        named = {spec.name: self.own.get(spec.name) or self.toolbox.find(spec.name) for spec in self.specs}
        there = {name: tool for name, tool in named.items() if tool is not None}
        return self.toolbox.start(call, on_result, session=session, among=there)


def _by_name(tools: Iterable[Tool]) -> dict[str, Tool]:
    named: dict[str, Tool] = {}
    for tool in tools:
        if named.setdefault(tool.spec.name, tool) is not tool:
            raise VoiceAgentError(
                f"There are two tools called {tool.spec.name}: rename one, or leave it out (mcp: tools)."
            )
    return named


def _arguments(tool: Tool, call: ToolCall) -> dict[str, Any]:
    arguments = json.loads(call.arguments)
    return fitted(arguments, json.loads(tool.spec.parameters)) if isinstance(arguments, dict) else {}


def _unheard(work: "asyncio.Future[str]") -> None:
    """Retrieve the error of a call that is no longer awaited, or asyncio logs it as never retrieved."""
    if not work.cancelled():
        work.exception()


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]} ... (cut; {len(text)} characters in all)"
