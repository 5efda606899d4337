"""What a Python function may declare about itself as a tool.

    @tool(timeout_s=20, on_interrupt="finish")
    async def book_table(restaurant: str, persons: int) -> str:
        \"\"\"Book a table for tonight.\"\"\"

A function without it is a tool as well, with the settings' time limit, and cancelled by an interruption.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from voiceagent.tools.contract import OnInterrupt

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__voiceagent_tool__"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known of a function beyond its signature."""

    timeout_s: float | None = None
    on_interrupt: OnInterrupt = "cancel"


@overload
def tool(function: F) -> F: ...


@overload
def tool(*, timeout_s: float | None = None, on_interrupt: OnInterrupt = "cancel") -> Callable[[F], F]: ...


def tool(
    function: F | None = None, *, timeout_s: float | None = None, on_interrupt: OnInterrupt = "cancel"
) -> F | Callable[[F], F]:
    """Declare how long a function may take, and whether it should finish though its result is no longer awaited.

    Both `@tool` and `@tool(timeout_s=20)` work.
    """

    def declare(function: F) -> F:
        setattr(function, _MARK, Declaration(timeout_s, on_interrupt))
        return function

    return declare if function is None else declare(function)


def declaration(function: Callable[..., Any]) -> Declaration:
    """Return what a function declared, or the default."""
    declared = getattr(function, _MARK, None)
    return declared if isinstance(declared, Declaration) else Declaration()
