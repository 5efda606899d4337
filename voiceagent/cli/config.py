"""`voiceagent config`: check the settings, and show each with the place it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from voiceagent.cli.options import with_settings

if TYPE_CHECKING:
    from voiceagent.config import Loaded


@click.command()
@click.option("--show", "shown", is_flag=True, help="Print the effective settings, each with its origin.")
@with_settings
def config(loaded: Loaded, shown: bool) -> None:
    """Check the settings, or show them with their origins."""
    from voiceagent.config import show

    click.echo(show(loaded) if shown else "The settings are valid; --show prints them.\n", nl=False)
