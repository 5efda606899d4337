"""What a language model may call: Python functions and the tools of MCP servers."""

from voiceagent.tools.declare import tool as tool
from voiceagent.tools.function import function_tool as function_tool
from voiceagent.tools.toolbox import Toolbox as Toolbox
