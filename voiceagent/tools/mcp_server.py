"""An MCP server (https://modelcontextprotocol.io) as a source of tools, over stdio or streamable HTTP.

One task per server owns its connection, as the protocol's streams must be opened and closed by the same task. When the
server dies, the calls under way fail and the connection is made anew, ever less often while that does not succeed. The
tools are those of the first connection: the system prompt that names them is read once and shared by all sessions.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import mcp_types
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from pydantic_core import to_json

from voiceagent.engines.llm.contract import ToolSpec
from voiceagent.errors import VoiceAgentError
from voiceagent.tools.contract import OnInterrupt, Tool

log = logging.getLogger(__name__)

CONNECT_S = 30.0
"""A server that is started by its package manager may be downloaded first."""
HTTP_TIMEOUT = httpx2.Timeout(30.0, read=300.0)
"""In seconds. A server may hold a stream open for long; how long a call may take is the toolbox's business."""
RETRY_S = (0.5, 30.0)
"""The first and the longest wait before a lost server is connected to again."""
JSON_RPC_ERRORS = range(-32700, -32599)
"""Errors of a call, defined by JSON-RPC; all others are the connection's."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: a command that starts it, or a URL."""

    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    """Names of environment variables that the command may see, besides PATH, HOME and the like."""
    url: str = ""
    token: str = ""
    """For the URL's `Authorization: Bearer` header."""


class McpServer:
    """One server. `connect` and `close` belong on the event loop."""

    def __init__(
        self, name: str, address: Address, *, only: Sequence[str] = (), on_interrupt: OnInterrupt = "cancel"
    ) -> None:
        self._name = name
        self._address = address
        self._only = only
        self._on_interrupt: OnInterrupt = on_interrupt
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def connect(self) -> list[Tool]:
        """Connect, stay connected until `close`, and return the server's tools.

        Raises VoiceAgentError when there is no such server, or it does not offer what is wanted of it.
        """
        first: asyncio.Future[list[mcp_types.Tool]] = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep(first))
        try:
            async with asyncio.timeout(CONNECT_S):
                offered = {tool.name: tool for tool in await first}
        except TimeoutError as error:
            self.close()
            raise VoiceAgentError(f"{self} did not answer within {CONNECT_S:g} s. {_REMEDY}") from error
        if missing := [name for name in self._only if name not in offered]:
            self.close()
            raise VoiceAgentError(
                f"{self} has no tool called {', '.join(missing)}; it has {', '.join(offered) or 'none'}."
            )
        return [self._tool(offered[name]) for name in self._only or offered]

    def close(self) -> None:
        """Disconnect; a server that was started is ended by the task in its own time."""
        if self._keeper is not None:
            self._keeper.cancel()

    def __str__(self) -> str:
        where = self._address.url or " ".join(self._address.command)
        return f"The MCP server {self._name} ({where})"

    def _tool(self, offered: mcp_types.Tool) -> Tool:
        spec = ToolSpec(offered.name, offered.description or offered.name, to_json(offered.input_schema).decode())
        return Tool(spec, partial(self._call, offered.name), on_interrupt=self._on_interrupt)

    async def _call(self, name: str, arguments: dict[str, Any]) -> str:
        if self._client is None:
            raise VoiceAgentError(f"the server {self._name} cannot be reached at the moment")
        try:
            result = await self._client.call_tool(name, arguments)
        except MCPError as error:
            if error.code in JSON_RPC_ERRORS:
                raise
            raise self._gone(error) from error
        except Exception as error:
            raise self._gone(error) from error
        text = "\n".join(map(_as_text, result.content)) or to_json(result.structured_content, fallback=str).decode()
        if result.is_error:
            raise VoiceAgentError(text)
        return text

    def _gone(self, error: Exception) -> VoiceAgentError:
        self._lost.set()
        return VoiceAgentError(f"the server {self._name} went away: {error}")

    async def _keep(self, first: "asyncio.Future[list[mcp_types.Tool]]") -> None:
        wait_s, longest_s = RETRY_S
        while True:
            try:
                async with Client(self._transport(), cache=None) as client:
                    tools = await _all_tools(client)  # also when they are known: calls are checked against the list
                    self._client, wait_s = client, RETRY_S[0]
                    if not first.done():
                        first.set_result(tools)
                    await self._lost.wait()
            except Exception as error:  # from processes, sockets and the protocol, often in groups
                if not first.done():
                    first.set_exception(VoiceAgentError(f"{self} cannot be used: {_innermost(error)}. {_REMEDY}"))
                    return
                log.warning("%s is lost: %s", self, _innermost(error))
            finally:
                self._client = None
                self._lost.clear()
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, longest_s)

    @asynccontextmanager
    async def _transport(self) -> AsyncIterator[Any]:
        address = self._address
        if address.url:
            headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
            async with (
                httpx2.AsyncClient(headers=headers, timeout=HTTP_TIMEOUT) as http,
                streamable_http_client(address.url, http_client=http) as streams,
            ):
                yield streams
            return
        command, *arguments = address.command
        seen = {name: os.environ[name] for name in address.environment if name in os.environ}
        async with stdio_client(StdioServerParameters(command=command, args=arguments, env=seen)) as streams:
            yield streams


async def _all_tools(client: Client) -> list[mcp_types.Tool]:
    page = await client.list_tools()
    tools = list(page.tools)
    while page.next_cursor:
        page = await client.list_tools(cursor=page.next_cursor)
        tools += page.tools
    return tools


_REMEDY = "Check it in the settings (mcp), or remove it there."


def _as_text(block: mcp_types.ContentBlock) -> str:
    return block.text if isinstance(block, mcp_types.TextContent) else f"[{block.type}, which cannot be read aloud]"


def _innermost(error: BaseException) -> BaseException:
    """Return what a group of errors is about."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
