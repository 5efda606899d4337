"""Functions that run in the client: tools of its session, whose results come as messages."""

import asyncio
import json
import re
from collections import deque
from typing import Any

from voiceagent.doors.rtvi.envelope import Payload, RequestRefusedError
from voiceagent.engines.llm.contract import ToolSpec
from voiceagent.tools.contract import Tool

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
MOST = 32
"""More than a model can choose among in a conversation."""
MAX_CHARS = 8_000
"""Of one function's description and schema."""


class ClientFunctions:
    """One client's functions by name, and the calls that wait for their results."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._announced: dict[str, deque[str]] = {}
        """Ids of calls that are about to begin, in order, by name."""
        self._waiting: dict[str, asyncio.Future[str]] = {}

    def tool(self, declared: Payload) -> Tool:
        """Return the tool for a function as the client declares it, in OpenAI's form, nested or flat.

        Raises RequestRefusedError, saying what a function is.
        """
        inner = declared.get("function")
        function = inner if isinstance(inner, dict) else declared
        name, description = function.get("name"), function.get("description", "")
        parameters = function.get("parameters") or {"type": "object", "properties": {}}
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise RequestRefusedError(f"A function's name is letters, digits, _ and -, not {str(name)[:80]!r}.")
        if not isinstance(description, str):
            raise RequestRefusedError(f"The description of the function {name} is a string.")
        if not isinstance(parameters, dict) or parameters.get("type") != "object":
            raise RequestRefusedError(f'The parameters of the function {name} are a JSON Schema of "type": "object".')
        schema = json.dumps(parameters, ensure_ascii=False)
        if len(schema) + len(description) > MAX_CHARS:
            raise RequestRefusedError(f"The function {name} is described in more than {MAX_CHARS} characters.")

        async def run(arguments: dict[str, Any]) -> str:
            return await self._run(name)

        return Tool(ToolSpec(name, description, schema), run)

    def announce(self, name: str, call_id: str) -> None:
        """Take the id of a call, of this or any other tool, that is about to begin."""
        self._announced.setdefault(name, deque()).append(call_id)

    def forget(self) -> None:
        """The response is over: its calls that have not begun will not."""
        self._announced.clear()

    def settle(self, call_id: object, result: object) -> None:
        """Take the result of a call. Raises RequestRefusedError for one that nobody waits for."""
        waiting = self._waiting.get(call_id) if isinstance(call_id, str) else None
        if waiting is None or waiting.done():
            raise RequestRefusedError(
                f"No function call {str(call_id)[:80]!r} is under way: it was answered, or given up."
            )
        waiting.set_result(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False))

    async def _run(self, name: str) -> str:
        call_id = self._announced[name].popleft()
        waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = waiting
        try:
            return await waiting
        finally:
            del self._waiting[call_id]
