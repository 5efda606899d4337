"""What a long transfer tells its caller while it runs. How that is shown is the caller's affair."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Advance = Callable[[int], object]
"""Called with the number of bytes just handled."""

SLOW_CHECK_BYTES = 500_000_000
"""Hashing a file of this size takes about a second; from here on it is shown."""


class Reporter(Protocol):
    """Hears what happens during a pull."""

    def say(self, line: str) -> None:
        """A sentence worth showing: a source failed, a transfer goes on where it stopped."""

    def bar(self, label: str, done: int, total: int | None) -> AbstractContextManager[Advance]:
        """A piece of work begins, of `total` bytes (None: unknown) of which `done` lie behind already."""


class Silent:
    """The reporter that shows nothing."""

    def say(self, line: str) -> None:
        """Nothing."""

    def bar(self, label: str, done: int, total: int | None) -> AbstractContextManager[Advance]:
        """Nothing."""
        return nullcontext(lambda count: None)


def checking(reporter: Reporter, title: str, size: int) -> AbstractContextManager[Advance]:
    """A bar for hashing `size` bytes, where that takes long enough to be worth one."""
    return (reporter if size >= SLOW_CHECK_BYTES else Silent()).bar(f"checking {title}", 0, size)
