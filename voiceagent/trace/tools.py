"""One use of a tool, as it is counted and shown: which one, when, how it ended; never its arguments or its result."""

from dataclasses import dataclass
from typing import Any, Literal

ToolOutcome = Literal["running", "done", "failed", "cancelled"]

UNKNOWN_TOOL = "unknown"
"""The name for all tools that a model made up: invented names must not become labels."""


@dataclass(slots=True)
class ToolUse:
    """A call of a tool; times are seconds on the event-loop clock."""

    name: str
    start: float
    end: float | None = None
    """None while it runs, which may outlast the turn."""
    outcome: ToolOutcome = "running"

    @property
    def seconds(self) -> float | None:
        """Seconds it took, once it has ended."""
        return None if self.end is None else self.end - self.start

    def settle(self, outcome: ToolOutcome, at: float) -> bool:
        """Record how it ended; return False and change nothing if that is already known."""
        if self.end is not None:
            return False
        self.end, self.outcome = at, outcome
        return True

    def to_json(self) -> dict[str, Any]:
        """Return the use as plain data."""
        ms = None if self.seconds is None else round(self.seconds * 1000, 1)
        return {"tool": self.name, "ms": ms, "outcome": self.outcome}
