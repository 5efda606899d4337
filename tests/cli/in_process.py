"""The command line in this process, which spares the start of another: what it prints, and how it ends."""

import logging

from click.testing import CliRunner, Result

from voiceagent.cli.main import cli


def run(*arguments: str, **environ: str) -> Result:
    """Run `voiceagent ARGUMENTS`. An exception that no user would see as words is raised."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), logging.getLogger("voiceagent").level
    try:
        done = CliRunner().invoke(cli, arguments, env=environ, prog_name="voiceagent")
    finally:  # what the command set up writes to a stream of its own
        root.handlers[:] = handlers
        logging.getLogger("voiceagent").setLevel(level)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done
