"""What a long transfer reports to its caller while it runs. How that is shown is up to the caller."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Advance = Callable[[int], object]
"""Called with the number of bytes just handled."""

SLOW_CHECK_BYTES = 500_000_000
"""Hashing a file of this size takes about a second; from here on it is shown."""


class Reporter(Protocol):
    """Receives the progress of a pull."""

    def say(self, line: str) -> None:
        """A sentence worth showing: a source failed, a transfer resumes where it stopped."""

    def bar(self, label: str, done: int, total: int | None) -> AbstractContextManager[Advance]:
        """A transfer begins, of `total` bytes (None: unknown), of which `done` are done already."""


class Silent:
    """The reporter that shows nothing."""

    def say(self, line: str) -> None:
        """Nothing."""

    def bar(self, label: str, done: int, total: int | None) -> AbstractContextManager[Advance]:
        """Nothing."""
        return nullcontext(lambda count: None)


def checking(reporter: Reporter, title: str, size: int) -> AbstractContextManager[Advance]:
    """A bar for hashing `size` bytes, if that takes long enough to be worth one."""
    return (reporter if size >= SLOW_CHECK_BYTES else Silent()).bar(f"checking {title}", 0, size)
