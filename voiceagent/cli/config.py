"""`voiceagent config`: check the settings, show each with its origin, or describe all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from voiceagent.cli.options import with_settings

if TYPE_CHECKING:
    from voiceagent.config import Loaded


def _print_reference(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the reference and end, before any settings are read: a user may need it to fix theirs."""
    if wanted:
        from voiceagent.config.reference import reference
        from voiceagent.engines.registry import engine_models

        click.echo(reference(engine_models()), nl=False)
        context.exit()


@click.command()
@click.option("--show", "shown", is_flag=True, help="Print the effective settings, each with its origin.")
@click.option(
    "--reference",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_reference,
    help="Describe every setting, in Markdown.",
)
@with_settings
def config(loaded: Loaded, shown: bool) -> None:
    """Check the settings, show them with their origins, or describe all of them."""
    from voiceagent.config import show

    click.echo(show(loaded) if shown else "The settings are valid; --show prints them.\n", nl=False)
