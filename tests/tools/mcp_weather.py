"""An MCP server for tests: `python mcp_weather.py`, or `python mcp_weather.py PORT` for streamable HTTP."""

import asyncio
import os
import sys

from mcp.server.mcpserver import Context, MCPServer
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


def get_tides(city: str) -> str:
    """Look up the tides."""
    return f"{city}: high"


@server.tool()
async def learn(context: Context) -> str:
    """Learn another tool, and say so."""
    server.add_tool(get_tides)
    await context.notify_tools_changed()
    await context.session.send_tool_list_changed()  # the older way, for clients that want it
    return "learnt"


if __name__ == "__main__":
    if sys.argv[1:] == ["--less"]:
        for name in [tool.name for tool in asyncio.run(server.list_tools()) if tool.name != "get_numbers"]:
            server.remove_tool(name)
        server.run()
    elif len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
