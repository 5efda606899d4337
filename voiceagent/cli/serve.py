"""`voiceagent serve`: load the models, open the doors, print where they are."""

from typing import TYPE_CHECKING

import click

from voiceagent.cli.options import with_settings

if TYPE_CHECKING:
    from voiceagent.config import Loaded


@click.command()
@click.option("--max-sessions", type=int, metavar="N", help="Admit at most N callers: server.max_sessions.")
@click.option(
    "--pull/--no-pull",
    envvar="VOICEAGENT_PULL",
    help="First fetch the model files that these settings need and that are not here.",
)
@with_settings
def serve(loaded: "Loaded", pull: bool) -> None:
    """Serve the page and WebRTC."""
    from voiceagent.app.agent import Agent

    if pull:
        from voiceagent.cli.progress import Terminal
        from voiceagent.cli.pulling import pull_missing

        pull_missing(loaded.settings, Terminal())
    Agent(loaded.settings).serve()
