"""The interface of every tool. Knows no session and no model."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from voiceagent.engines.llm.contract import ToolSpec

OnInterrupt = Literal["cancel", "finish"]
"""What happens to a call whose result is no longer awaited, because the user interrupted or hung up."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Something a model can call."""

    spec: ToolSpec
    run: Callable[[dict[str, Any]], Awaitable[str]]
    """Do it, on the event loop, with arguments as the spec's schema wants them. What it raises goes to the model.
    Cancelled when it takes too long, or as `on_interrupt` says."""
    timeout_s: float | None = None
    """None: what the settings say for all tools."""
    on_interrupt: OnInterrupt = "cancel"
