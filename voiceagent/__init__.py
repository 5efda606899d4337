"""voiceagent: a spoken-conversation agent in one process.

    from voiceagent import Agent, tool

What stands in `__all__` is the public API (docs/build.md). It is imported when it is first used: `import voiceagent`
alone takes no time and no model's library.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voiceagent.app import events as events
    from voiceagent.app.agent import Agent as Agent
    from voiceagent.errors import VoiceAgentError as VoiceAgentError
    from voiceagent.session.coordinator import Session as Session
    from voiceagent.tools.declare import tool as tool

__version__ = "0.1.0"
__all__ = ["Agent", "Session", "VoiceAgentError", "__version__", "events", "testing", "tool"]

# Two libraries report to their makers: onnxruntime from its import on, keeping an identifier under ~/.cache, and
# huggingface_hub with a look-up once a day. What happens on one's own machine is its owner's business; to allow the
# reports, set these to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

_PLACES = {
    "Agent": "voiceagent.app.agent:Agent",
    "Session": "voiceagent.session.coordinator:Session",
    "VoiceAgentError": "voiceagent.errors:VoiceAgentError",
    "events": "voiceagent.app.events",
    "testing": "voiceagent.testing",
    "tool": "voiceagent.tools.declare:tool",
}


def __getattr__(name: str) -> Any:
    """Import a public name (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    found = import_module(module)
    value = getattr(found, attribute) if attribute else found
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
