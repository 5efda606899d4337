"""From settings to the tools of an agent."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from voiceagent.config.settings import McpServerSettings, Settings
from voiceagent.engines.llm.contract import LlmEngine, Message, ToolSpec
from voiceagent.errors import VoiceAgentError
from voiceagent.tools import Toolbox, function_tool
from voiceagent.tools.contract import Tool
from voiceagent.tools.function import find_function
from voiceagent.trace.tools import ToolUse

if TYPE_CHECKING:
    from voiceagent.tools.mcp_server import McpServer


log = logging.getLogger(__name__)


class Tools:
    """The toolbox, and the servers behind it. Call `connect` and `close` on the event loop."""

    def __init__(
        self,
        settings: Settings,
        on_ended: Callable[[ToolUse], None] = lambda use: None,
        functions: Iterable[Callable[..., Any]] = (),
    ) -> None:
        self.functions = (*map(find_function, settings.tools), *functions)
        self._functions = [function_tool(function) for function in self.functions]
        self._servers = [_server(server, self._refill) for server in settings.mcp]
        self._connected = False
        self.toolbox = Toolbox(self._functions, timeout_s=settings.session.tool_timeout_s, on_ended=on_ended)

    @property
    def lost(self) -> list[str]:
        """The MCP servers that cannot be reached at the moment."""
        return [server.name for server in self._servers if not server.connected]

    async def connect(self) -> None:
        """Fetch what the MCP servers offer. Raises VoiceAgentError for one that cannot be used."""
        await asyncio.gather(*(server.connect() for server in self._servers))
        self.toolbox.replace(self._offered())
        self._connected = True

    def close(self) -> None:
        """Cancel every call and leave the servers."""
        self.toolbox.close()
        for server in self._servers:
            server.close()

    def _offered(self) -> list[Tool]:
        return [*self._functions, *(tool for server in self._servers for tool in server.tools)]

    def _refill(self) -> None:
        """Give sessions that begin from now on what a server offers now."""
        if not self._connected:
            return
        try:
            self.toolbox.replace(self._offered())
            log.info("the tools have changed: %s", ", ".join(spec.name for spec in self.toolbox.specs) or "none")
        except VoiceAgentError as error:
            log.error("the tools stay as they were: %s", error)


def warn_if_tools_unsupported(tools: tuple[ToolSpec, ...], llm: LlmEngine | None) -> None:
    """Log a warning when the model's chat template leaves out the tools: then it can never call one."""
    if llm is None:  # left out: nobody talks to it
        return
    told, untold = ((Message("system", "", tools=named), Message("user", "A")) for named in (tools, ()))
    if tools and llm.count_tokens(told) == llm.count_tokens(untold):
        log.warning(
            "The language model does not see the tools (%s): its chat template has no place for them. Choose a model "
            "that was trained to call tools (docs/tools.md), or remove them.",
            ", ".join(tool.name for tool in tools),
        )


def _server(settings: McpServerSettings, on_change: Callable[[], None]) -> "McpServer":
    try:
        from voiceagent.tools.mcp_server import Address, McpServer
    except ImportError as error:
        raise VoiceAgentError(
            f"The MCP server {settings.name} needs a package that is not installed ({error.name}): "
            "pip install 'voiceagent[mcp]'."
        ) from error
    address = Address(
        command=settings.command,
        environment=settings.environment,
        url=settings.url or "",
        token=_secret(settings.token_env, settings.name) if settings.token_env else "",
    )
    return McpServer(
        settings.name, address, only=settings.tools, on_interrupt=settings.on_interrupt, on_change=on_change
    )


def _secret(variable: str, server: str) -> str:
    if not (value := os.environ.get(variable)):
        raise VoiceAgentError(f"The MCP server {server} needs a token: set the environment variable {variable}.")
    return value
