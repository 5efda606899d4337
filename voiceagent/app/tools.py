"""From settings to the tools of an agent."""

import asyncio
import os
from typing import TYPE_CHECKING

from voiceagent.config.settings import McpServer as McpSettings
from voiceagent.config.settings import Settings
from voiceagent.errors import VoiceAgentError
from voiceagent.tools import Toolbox, function_tool
from voiceagent.tools.contract import Tool
from voiceagent.tools.function import find_function

if TYPE_CHECKING:
    from voiceagent.tools.mcp_server import McpServer


class Tools:
    """The toolbox, and the servers behind it. `connect` and `close` belong on the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._timeout_s = settings.session.tool_timeout_s
        self._functions = [function_tool(find_function(place)) for place in settings.tools]
        self._servers = [_server(server) for server in settings.mcp]
        self.toolbox = self._filled([])

    async def connect(self) -> None:
        """Fetch what the MCP servers offer. Raises VoiceAgentError for one that cannot be used."""
        if self._servers:
            self.toolbox = self._filled(await asyncio.gather(*(server.connect() for server in self._servers)))

    def close(self) -> None:
        """Cancel every call and leave the servers."""
        self.toolbox.close()
        for server in self._servers:
            server.close()

    def _filled(self, offered: list[list[Tool]]) -> Toolbox:
        return Toolbox([*self._functions, *(tool for tools in offered for tool in tools)], timeout_s=self._timeout_s)


def _server(settings: McpSettings) -> "McpServer":
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
    return McpServer(settings.name, address, only=settings.tools, on_interrupt=settings.on_interrupt)


def _secret(variable: str, server: str) -> str:
    if not (value := os.environ.get(variable)):
        raise VoiceAgentError(f"The MCP server {server} needs a token: set the environment variable {variable}.")
    return value
