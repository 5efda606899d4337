"""`voiceagent serve`: load the models, open the doors, print where they are."""

from typing import TYPE_CHECKING

import click

from voiceagent.cli.options import with_settings

if TYPE_CHECKING:
    from voiceagent.config import Loaded


@click.command()
@click.option("--max-sessions", type=int, metavar="N", help="Admit at most N callers: server.max_sessions.")
@with_settings
def serve(loaded: "Loaded") -> None:
    """Serve the page and WebRTC."""
    from voiceagent.app.agent import Agent

    Agent(loaded.settings).serve()
