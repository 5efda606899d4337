"""The commands: `up`, `down`, `restart`, `status`, `logs`, `shell`. Each is a few lines over `Containers`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from voiceagent.cli.containers.life import Containers
    from voiceagent.cli.containers.wish import Role, Wish

name_option = click.option("--name", default="voiceagent", show_default=True, help="What the container is called.")


def with_wish(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command that takes a `Wish` or None (no option was given), and `build` and `wait`."""
    options = [
        click.option(
            "--mode",
            type=click.Choice(["cpu", "q8", "q4", "vllm"]),
            help="Where the language model computes: a small one on the CPU; in 8 or 4 bits on a GPU; in a vLLM beside "
            "it.  [default: what suits this machine's GPU]",
        ),
        click.option("--config", metavar="FILE", help="Settings in place of the mode's."),
        click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Override one setting."),
        click.option(
            "--model",
            metavar="PATH",
            help="The language model: a GGUF file, a name of `weights list`, what vLLM loads.",
        ),
        *(
            click.option(f"--no-{role}", f"no_{role}", is_flag=True, help=f"Leave out {what}: its doors stay shut.")
            for role, what in (("asr", "the recogniser"), ("tts", "the voice"), ("llm", "the language model"))
        ),
        *(
            click.option(f"--{role}-url", metavar="URL", help=f"{what} is there, and not in this container.")
            for role, what in (("asr", "The recogniser"), ("tts", "The voice"), ("llm", "The language model"))
        ),
        click.option("--port", type=click.IntRange(1, 65535), help="Where the page is.  [default: 7860]"),
        click.option("--image", help="Another image than voiceagent:cpu or voiceagent:cuda."),
        click.option("--volume", help="The volume, or folder, of models and measurements.  [default: voiceagent]"),
        click.option("--build", is_flag=True, help="Build the image first, from this checkout."),
        click.option("--wait/--no-wait", default=True, help="Wait until it is ready.  [default: wait]"),
        name_option,
    ]
    wrapped = functools.wraps(command)(functools.partial(_with_wish, command))
    return functools.reduce(lambda function, option: option(function), reversed(options), wrapped)


def _with_wish(command: Callable[..., None], **given: Any) -> None:
    others = {key: given.pop(key) for key in ("build", "wait", "name", "foreground") if key in given}
    command(wish=_wish(given) if any(given.values()) else None, **others)


def _wish(given: dict[str, Any]) -> Wish:
    """Make a wish of the options; what was not said is chosen for this machine. Raises VoiceAgentError."""
    from voiceagent.cli.containers.wish import PORT, ROLES, Wish, mode_for
    from voiceagent.engines.machine import nvidia_gpus

    if not given.get("port") and os.environ.get(PORT, "").isdigit():
        given["port"] = int(os.environ[PORT])
    roles: tuple[Role, ...] = ROLES
    plain = {key: given[key] for key in ("config", "sets", "model", "image", "port", "volume") if given.get(key)}
    return Wish(
        given.get("mode") or mode_for(nvidia_gpus()),
        without=frozenset(role for role in roles if given.get(f"no_{role}")),
        urls={role: given[f"{role}_url"] for role in roles if given.get(f"{role}_url")},
        **plain,
    )


@click.command()
@click.option("-f", "--foreground", is_flag=True, help="Stay at this terminal; Ctrl-C ends it.")
@with_wish
def up(wish: Wish | None, name: str, build: bool, wait: bool, foreground: bool) -> None:
    """Start the agent in a container, by Docker or Podman."""
    wish = wish or _wish({})
    containers = _containers(name)
    if build:
        _build(containers, wish)
    _start(containers, wish, wait=wait, foreground=foreground)


@click.command()
@name_option
def down(name: str) -> None:
    """Say good-bye to callers, and end the container. Its volume stays."""
    ended = _containers(name).end()
    click.echo(f"Ended: {', '.join(ended)}" if ended else f"{name} is not running")


@click.command()
@with_wish
def restart(wish: Wish | None, name: str, build: bool, wait: bool) -> None:
    """Start it again: as it was (with --build, from a new image), or with these options alone."""
    containers = _containers(name)
    if wish is None and containers.state(name) and not build:
        from voiceagent.cli.containers.life import GOODBYE_S

        containers.engine.do("restart", "-t", str(GOODBYE_S), name)
        _wait(containers, containers.port(), wait=wait)
        return
    wish = wish or containers.wish() or _wish({})
    if build:
        _build(containers, wish)
    containers.require(wish)
    containers.end()
    _start(containers, wish, wait=wait, foreground=False)


@click.command()
@name_option
def status(name: str) -> None:
    """Show whether it runs and is ready. The exit status is 1 where it is not."""
    containers = _containers(name)
    for container in containers.present():
        click.echo(f"{container}: {containers.state(container)}")
    if containers.state(name) != "running":
        click.echo(f"{name} is not running: {containers.command('up')}")
        raise click.exceptions.Exit(1)
    answer = containers.answer()
    if answer is None:
        click.echo(f"It does not answer yet: it is starting, or fetching models ({containers.command('logs')}).")
        raise click.exceptions.Exit(1)
    for engine, is_ready in answer.engines.items():
        click.echo(f"  {engine}: {answer.troubles.get(engine) or ('ready' if is_ready else 'loading')}")
    click.echo(f"{'Ready' if answer.ready else 'Not ready'}: http://localhost:{containers.port()}")
    raise click.exceptions.Exit(0 if answer.ready else 1)


@click.command()
@click.argument("role", required=False, type=click.Choice(["asr", "tts", "llm"]))
@click.option("-n", "--lines", default=100, show_default=True, help="How many of the past; a role's are all shown.")
@click.option("--follow/--no-follow", default=True, help="Go on as lines come.  [default: follow]")
@name_option
def logs(role: str | None, lines: int, follow: bool, name: str) -> None:
    """Show the log; with a role, only the lines about it."""
    from voiceagent.cli.containers.roles import is_about

    containers = _containers(name)
    follows = ("--follow",) if follow else ()
    is_vllms = role == "llm" and containers.state(containers.vllm)
    shown = containers.vllm if is_vllms else name
    if not containers.state(shown):
        raise click.ClickException(f"{name} is not running: {containers.command('up')}")
    if role is None or is_vllms:
        raise click.exceptions.Exit(containers.engine.run("logs", "--tail", str(lines), *follows, shown))
    for line in containers.engine.lines("logs", *follows, name):
        if is_about(role, line):
            click.echo(line, nl=False)


@click.command()
@name_option
def shell(name: str) -> None:
    """Open a shell in the container."""
    containers = _containers(name)
    if containers.state(name) != "running":
        raise click.ClickException(f"{name} is not running: {containers.command('up')}")
    raise click.exceptions.Exit(containers.engine.run("exec", "--interactive", "--tty", name, "bash"))


def _containers(name: str) -> Containers:
    from voiceagent.cli.containers.engine import find_engine
    from voiceagent.cli.containers.life import Containers

    return Containers(find_engine(), name)


def _start(containers: Containers, wish: Wish, *, wait: bool, foreground: bool) -> None:
    status = containers.start(wish, click.echo, foreground=foreground, wait=wait)
    if foreground:
        raise click.exceptions.Exit(status)
    _wait(containers, wish.port, wait=wait)


def _wait(containers: Containers, port: int, *, wait: bool) -> None:
    if wait:
        engines = containers.wait(click.echo).engines
        talks = all(role in engines for role in ("asr", "llm", "tts"))
        ready = "Ready. Talk to the agent at" if talks else f"Ready. Serving {', '.join(engines)} at"
        click.echo(f"{ready} http://localhost:{port} ({containers.command('down')} ends it).")
    else:
        click.echo(f"{containers.name} is starting: {containers.command('status')}, {containers.command('logs')}.")


def _build(containers: Containers, wish: Wish) -> None:
    """Build the image from the checkout, for this machine's GPU. Raises VoiceAgentError without a checkout."""
    from voiceagent.cli.containers.building import build_arguments

    if status := containers.engine.run(*build_arguments(containers.engine, wish)):
        raise click.ClickException(f"The image was not built (exit status {status}).")
