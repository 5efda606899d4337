"""An MCP server (https://modelcontextprotocol.io) as a source of tools, over stdio or streamable HTTP.

One task per server owns its connection, as the protocol's streams must be opened and closed by the same task. When the
server dies, the calls under way fail and it reconnects, with back-off while that does not succeed. The list of tools is
kept up to date: a server announces its changes, or is polled where it cannot.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import mcp_types
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.session import IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from pydantic_core import to_json

from voiceagent.engines.llm.contract import ToolSpec
from voiceagent.errors import VoiceAgentError
from voiceagent.tools.contract import OnInterrupt, Tool

log = logging.getLogger(__name__)

CONNECT_S = 30.0
"""A server that is started by its package manager may be downloaded first."""
HTTP_TIMEOUT = httpx2.Timeout(30.0, read=300.0)
"""In seconds. A server may hold a stream open for long; the toolbox bounds how long a call may take."""
RETRY_S = (0.5, 30.0)
"""The first and the longest wait before a lost server is connected to again."""
ASK_S = 60.0
"""How often a server that does not announce changes is asked for its tools, and whether it is still there."""
JSON_RPC_ERRORS = range(-32700, -32599)
"""Errors of a call, defined by JSON-RPC; all others are the connection's."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: a command that starts it, or a URL."""

    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    """Names of environment variables that the command may see, in addition to PATH, HOME and the like."""
    url: str = ""
    token: str = ""
    """For the URL's `Authorization: Bearer` header."""


class McpServer:
    """One server. Call `connect` and `close` on the event loop; `on_change` is called there when `tools` changed."""

    def __init__(
        self,
        name: str,
        address: Address,
        *,
        only: Sequence[str] = (),
        on_interrupt: OnInterrupt = "cancel",
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.tools: list[Tool] = []
        """What it offers, as far as it is wanted; what it offered last, while it cannot be reached."""
        self._address = address
        self._only = only
        self._on_interrupt: OnInterrupt = on_interrupt
        self._known = False
        """Whether its tools have ever been what was wanted."""
        self._on_change = on_change
        self._client: Client | None = None
        self._lost = False
        self._stirred = asyncio.Event()
        """Set when the tools may have changed, or the server may be gone."""
        self._keeper: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether it can be called, as far as is known."""
        return self._client is not None

    async def connect(self) -> None:
        """Connect, and stay connected until `close`.

        Raises VoiceAgentError when there is no such server, or it does not offer the wanted tools.
        """
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep(first))
        try:
            async with asyncio.timeout(CONNECT_S):
                await first
        except TimeoutError as error:
            self.close()
            raise VoiceAgentError(f"{self} did not answer within {CONNECT_S:g} s. {_REMEDY}") from error

    def close(self) -> None:
        """Disconnect; a server that was started is ended by the task in its own time."""
        if self._keeper is not None:
            self._keeper.cancel()

    def __str__(self) -> str:
        where = self._address.url or " ".join(self._address.command)
        return f"The MCP server {self.name} ({where})"

    def _tool(self, offered: mcp_types.Tool) -> Tool:
        spec = ToolSpec(offered.name, offered.description or offered.name, to_json(offered.input_schema).decode())
        return Tool(spec, partial(self._call, offered.name), on_interrupt=self._on_interrupt)

    async def _call(self, name: str, arguments: dict[str, Any]) -> str:
        if self._client is None:
            raise VoiceAgentError(f"the server {self.name} cannot be reached at the moment")
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
        self._lost = True
        self._stirred.set()
        return VoiceAgentError(f"the server {self.name} went away: {error}")

    def _take(self, offered: list[mcp_types.Tool]) -> None:
        """Take what the server offers now. Raises VoiceAgentError when all along it has not had what is wanted."""
        by_name = {tool.name: tool for tool in offered}
        missing = [name for name in self._only if name not in by_name]
        complaint = f"{self} has no tool called {', '.join(missing)}; it has {', '.join(by_name) or 'none'}."
        if missing and not self._known:
            raise VoiceAgentError(complaint)
        tools = [self._tool(by_name[name]) for name in self._only or by_name if name in by_name]
        if self._known and [tool.spec for tool in tools] == [tool.spec for tool in self.tools]:
            return
        if missing:
            log.warning("%s", complaint)
        self.tools, self._known = tools, True
        self._on_change()

    async def _keep(self, first: "asyncio.Future[None]") -> None:
        wait_s, longest_s = RETRY_S
        while True:
            try:
                async with Client(self._transport(), cache=None, message_handler=self._on_message) as client:
                    self._take(await _all_tools(client))
                    self._client, wait_s = client, RETRY_S[0]
                    if not first.done():
                        first.set_result(None)
                    await self._follow(client)
            except Exception as error:  # from processes, sockets and the protocol, often in groups
                cause = _innermost(error)
                if not first.done():
                    mine = isinstance(cause, VoiceAgentError)
                    first.set_exception(
                        cause if mine else VoiceAgentError(f"{self} cannot be used: {cause}. {_REMEDY}")
                    )
                    return
                log.warning("%s is lost: %s", self, cause)
            finally:
                self._client, self._lost = None, False
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, longest_s)

    async def _follow(self, client: Client) -> None:
        """Keep the list of tools up to date until the server is lost: then this returns, or raises."""
        listening = asyncio.create_task(self._listen(client))
        try:
            while not self._lost:
                await self._stirred.wait()
                self._stirred.clear()
                if not self._lost:
                    self._take(await _all_tools(client))
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, client: Client) -> None:
        """Wake when the server announces that its tools have changed, and periodically if it cannot."""
        while True:
            with suppress(ListenNotSupportedError, SubscriptionLost, MCPError, TimeoutError):
                async with client.listen(tools_list_changed=True) as changes:
                    self._stirred.set()  # for what has changed until now
                    async for _ in changes:
                        self._stirred.set()
                    # no more announcements will come; asking for its tools shows whether it is still there
            self._stirred.set()
            await asyncio.sleep(ASK_S)

    async def _on_message(self, message: IncomingMessage) -> None:
        """Take what servers before MCP 2026-07-28 send of their own accord."""
        if isinstance(message, mcp_types.ToolListChangedNotification):
            self._stirred.set()

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
