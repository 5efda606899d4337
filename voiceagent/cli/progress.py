"""How a transfer's progress is shown: on a terminal, and in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from voiceagent.weights.progress import Advance


class Terminal:
    """Progress bars on a terminal; elsewhere one line per file. Both on standard error."""

    def say(self, line: str) -> None:
        """Print the line."""
        click.echo(line, err=True)

    @contextmanager
    def bar(self, label: str, done: int, total: int | None) -> Iterator[Advance]:
        """Show one piece of work."""
        text = f"{label} ({total / 1e6:,.1f} MB)" if total else label
        with click.progressbar(length=total or 0, label=text, file=sys.stderr, update_min_steps=1 << 20) as shown:
            shown.update(done)
            yield shown.update
