"""The tools that a client runs: each call waits here for the client's `function_call_output`.

The model goes on with the results when the client asks for the next response, as the protocol has it; those of a call
whose response was interrupted are remembered as they come.
"""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from voiceagent.doors.realtime.errors import EventError
from voiceagent.doors.realtime.events.session import FunctionTool
from voiceagent.engines.llm.contract import ToolSpec
from voiceagent.tools.contract import Tool

TIMEOUT_S = 300.0
"""A client that has not answered by then will not; the model is told so."""
NO_PARAMETERS = {"type": "object", "properties": {}}


@dataclass(slots=True)
class Waiting:
    """A call that the client has been told of."""

    name: str
    result: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    output: str | None = None


class ClientCalls:
    """One client's calls under way."""

    def __init__(self) -> None:
        self.names: frozenset[str] = frozenset()
        """The tools that the client runs."""
        self._waiting: dict[str, Waiting] = {}
        """Of the response under way."""
        self._late: dict[str, Waiting] = {}
        """Of responses that were interrupted."""
        self._unclaimed: defaultdict[str, deque[Waiting]] = defaultdict(deque)
        """Told to the client, and about to be run: in the order of the calls."""

    def tools(self, declared: Iterable[FunctionTool]) -> tuple[Tool, ...]:
        """Return the client's tools for a session."""
        return tuple(
            Tool(
                ToolSpec(tool.name, tool.description or "", json.dumps(tool.parameters or NO_PARAMETERS)),
                partial(self._run, tool.name),
                timeout_s=TIMEOUT_S,
                on_interrupt="finish",
            )
            for tool in declared
        )

    def expect(self, call_id: str, name: str) -> None:
        """The model calls a tool of the client's; comes just before the session runs it."""
        waiting = self._waiting[call_id] = Waiting(name)
        self._unclaimed[name].append(waiting)

    def settled(self, call_id: str) -> None:
        """The session has a result, whether the client gave it or not (wrong arguments, too late)."""
        if (waiting := self._waiting.pop(call_id, None)) is not None and waiting in self._unclaimed[waiting.name]:
            self._unclaimed[waiting.name].remove(waiting)

    @property
    def missing(self) -> tuple[str, ...]:
        """The calls without an output."""
        return tuple(call_id for call_id, waiting in self._waiting.items() if waiting.output is None)

    @property
    def given(self) -> bool:
        """Whether there is an output that the model has not been given."""
        return any(waiting.output is not None for waiting in self._waiting.values())

    def answer(self, call_id: str, output: str) -> None:
        """Take a call's output. Raises EventError for a call that does not wait for one."""
        waiting = self._waiting.get(call_id) or self._late.get(call_id)
        if waiting is None or waiting.output is not None:
            raise EventError("invalid_call_id", f"No call {call_id} waits for an output.", "item.call_id")
        waiting.output = output
        if self._late.pop(call_id, None) is not None:
            _settle(waiting)

    def release(self) -> None:
        """Give the model the outputs: it goes on."""
        waiting, self._waiting = self._waiting, {}
        for call in waiting.values():
            _settle(call)

    def interrupted(self) -> None:
        """The response is over; outputs are remembered as they come."""
        waiting, self._waiting = self._waiting, {}
        for call_id, call in waiting.items():
            if call.output is None:
                self._late[call_id] = call
            _settle(call)

    async def _run(self, name: str, arguments: dict[str, Any]) -> str:
        return await self._unclaimed[name].popleft().result


def _settle(call: Waiting) -> None:
    if call.output is not None and not call.result.done():
        call.result.set_result(call.output)
