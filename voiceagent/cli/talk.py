"""`voiceagent talk`: the agent at this machine's own microphone and loudspeaker."""

from typing import TYPE_CHECKING

import click

from voiceagent.cli.options import with_settings

if TYPE_CHECKING:
    from voiceagent.config import Loaded


@click.command()
@click.option("--list-devices", is_flag=True, help="List microphones and loudspeakers, and leave.")
@click.option("--input", "input_", metavar="DEVICE", help="The microphone, by number, name or a part of that.")
@click.option("--output", metavar="DEVICE", help="The loudspeaker.")
@click.option("--push-to-talk", is_flag=True, help="Listen only between two presses of the space bar.")
@click.option("--wake-word", metavar="WORDS", help='Listen once called, as in --wake-word "hey jarvis".')
@click.option("--no-aec", is_flag=True, help="Do not cancel the echo: the device or the system does.")
@click.option("--headphones", is_flag=True, help="Do not cancel the echo: there is none.")
@click.option("--page", is_flag=True, help="Serve the page, which shows this conversation, and the other doors.")
@with_settings
def talk(
    loaded: "Loaded",
    list_devices: bool,
    input_: str | None,
    output: str | None,
    push_to_talk: bool,
    wake_word: str | None,
    no_aec: bool,
    headphones: bool,
    page: bool,
) -> None:
    """Talk to the agent at this machine, without a browser or a headset."""
    from voiceagent.local.portaudio import Choice, sounddevice

    sounddevice()
    if list_devices:
        _list_devices()
        return
    from voiceagent.app.agent import Agent
    from voiceagent.app.talking import TalkOptions
    from voiceagent.app.talking import talk as talk_here
    from voiceagent.local.wake_word import WakeWord

    options = TalkOptions(
        Choice(input_, output),
        cancel_echo=not (no_aec or headphones),
        push_to_talk=push_to_talk,
        wake_word=WakeWord(wake_word) if wake_word else None,
        serve=page,
    )
    talk_here(Agent(loaded.settings), options)


def _list_devices() -> None:
    from voiceagent.local.portaudio import NAMES, listing

    found = list(listing())
    for kind, name, description, default in found:
        mark = "*" if default else " "
        click.echo(f"{mark} {NAMES[kind]:<12} {name:<{max(len(one[1]) for one in found)}}  {description}")
    if not found:
        click.echo("There is no microphone and no loudspeaker on this machine.")
