"""Options that several commands share.

`@with_settings` gives a command `--config` and `--set` and passes it the `Loaded` settings as the argument `loaded`.
The settings are read only when the command really runs, so that `--help` needs neither pydantic nor a valid file.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import click

DEFAULT_CONFIG = "cpu.yaml"
SHORT = {"max_sessions": "server.max_sessions"}
"""Options of single commands that stand for a setting."""


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a click command (below `@click.command`) that takes `loaded: Loaded`."""

    @click.option(
        "--config",
        "config",
        default=DEFAULT_CONFIG,
        show_default=True,
        metavar="FILE",
        help="Settings file: a path, or a name found in configs/.",
    )
    @click.option(
        "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Override one setting, as in llm.max_tokens=80."
    )
    @functools.wraps(command)
    def with_loaded_settings(config: str, sets: tuple[str, ...], **arguments: object) -> None:
        from voiceagent.app.settings import load_settings

        short = {SHORT[name]: arguments.pop(name) for name in SHORT.keys() & arguments.keys()}
        sets += tuple(f"{key}={value}" for key, value in short.items() if value is not None)
        command(loaded=load_settings(config, sets), **arguments)

    return with_loaded_settings
