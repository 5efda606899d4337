"""An MCP server for tests: `python mcp_weather.py`, or `python mcp_weather.py PORT` for streamable HTTP."""

import asyncio
import os
import sys

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("weather")


@server.tool()
def get_weather(city: str, days: int = 1) -> str:
    """Look up the weather."""
    return f"{city}: rain for {days} days"


@server.tool()
def get_numbers() -> list[int]:
    """Give some numbers."""
    return [1, 2, 3]


@server.tool()
def environment(variable: str) -> str:
    """Tell an environment variable."""
    return os.environ.get(variable, "unset")


@server.tool()
async def wait(seconds: float) -> str:
    """Wait for a while."""
    await asyncio.sleep(seconds)
    return "waited"


@server.tool()
def fail() -> str:
    """Fail."""
    raise ToolError("no satellite")


@server.tool()
def flood() -> str:
    """Return megabytes."""
    return "rain " * 600_000


@server.tool()
def die() -> str:
    """End the server."""
    os._exit(1)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
