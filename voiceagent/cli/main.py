"""The entry point: names the commands, imports only the one that was asked for, and turns errors into words.

A `VoiceAgentError` becomes one "Error: ..." on stderr and exit status 1, without a traceback unless `--debug` or
`VOICEAGENT_DEBUG=1` asks for it. Ctrl-C ends with 130 and says nothing. This file knows no command's options.
"""

import importlib
import sys
from typing import Any, ClassVar

import click

from voiceagent import __version__
from voiceagent.errors import VoiceAgentError

INTERRUPTED = 130  # what shells report for a program that SIGINT ended: 128 + 2


class LazyGroup(click.Group):
    """A click group that knows its commands' names and one-line help, and imports a command only to run it."""

    COMMANDS: ClassVar[dict[str, tuple[str, str]]] = {
        "serve": ("voiceagent.cli.serve:serve", "Start the agent and its page."),
        "up": ("voiceagent.cli.containers.commands:up", "Start the agent in a container (Docker, Podman)."),
        "down": ("voiceagent.cli.containers.commands:down", "End the container."),
        "restart": ("voiceagent.cli.containers.commands:restart", "Start the container again."),
        "status": ("voiceagent.cli.containers.commands:status", "Show whether the container runs and is ready."),
        "logs": ("voiceagent.cli.containers.commands:logs", "Show the container's log."),
        "shell": ("voiceagent.cli.containers.commands:shell", "Open a shell in the container."),
        "talk": ("voiceagent.cli.talk:talk", "Talk to the agent at this machine's microphone."),
        "say": ("voiceagent.cli.say:say", "Speak a text into an audio file."),
        "transcribe": ("voiceagent.cli.transcribe:transcribe", "Transcribe audio files."),
        "evaluate": ("voiceagent.cli.evaluate:evaluate", "Hold scripted conversations and check them."),
        "report": ("voiceagent.cli.report:report", "Turn a file of turns into a page with their waterfalls."),
        "weights": ("voiceagent.cli.weights:weights", "List, fetch and verify the model files."),
        "doctor": ("voiceagent.cli.doctor:doctor", "Check this machine and suggest fixes."),
        "calibrate": ("voiceagent.cli.calibrate:calibrate", "Measure what the models' steps cost on this machine."),
        "config": (
            "voiceagent.cli.config:config",
            "Check, show or describe the settings.",
        ),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the table."""
        return list(self.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command named `cmd_name`; None if there is none."""
        if cmd_name not in self.COMMANDS:
            return None
        module, _, attribute = self.COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, short_help) for name, (_, short_help) in self.COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error meant for people ends the program with words instead of a traceback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except VoiceAgentError as error:
            if ctx.params["debug"]:
                raise
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            if ctx.params["debug"] or str(error.name).partition(".")[0] == "voiceagent":
                raise
            raise click.ClickException(
                f"This Python ({sys.executable}) lacks {error.name}, which voiceagent is installed with. In a checkout"
                " `make serve` installs everything, into .venv; in a container, without installing anything:"
                " python3 -m voiceagent up --build."
            ) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, envvar="VOICEAGENT_DEBUG", help="Show the traceback of an error.")
@click.version_option(__version__, message="voiceagent %(version)s")
def cli(debug: bool) -> None:
    """Talk with an agent that lives on your own machine."""


def main() -> None:
    """Run the command line of this process."""
    cli(prog_name="voiceagent")
