"""`voiceagent say`: speak a text into a file, or into a pipe as it is synthesised."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voiceagent.cli.options import with_settings
from voiceagent.errors import VoiceAgentError

if TYPE_CHECKING:
    from voiceagent.config import Loaded


@click.command()
@click.argument("text")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The WAV file to write; - writes raw mono samples (16 bit) to the standard output as they come.",
)
@click.option("--voice", help="The name of the voice, instead of the one in the settings.")
@with_settings
def say(loaded: "Loaded", text: str, output: Path, voice: str | None) -> None:
    """Speak TEXT into a WAV file."""
    import numpy as np

    from voiceagent.app.engines import build_engine
    from voiceagent.app.settings import changed
    from voiceagent.app.specs import gpus_for
    from voiceagent.app.synthesis import segments_of, synthesise
    from voiceagent.audio.files import write_wav
    from voiceagent.audio.pcm import Pcm, to_s16

    settings = loaded.settings
    if voice is not None:
        if "voice" not in type(settings.tts).model_fields:
            raise VoiceAgentError(f"The engine {settings.tts.engine} has one voice only: leave out --voice.")
        settings = changed(settings, "tts", {"voice": voice})
    segments = segments_of(text, settings)
    engine = build_engine("tts", settings, gpus_for(settings))
    engine.load()
    pieces: list[Pcm] = []
    to_pipe = str(output) == "-"

    def collect(pcm: Pcm) -> None:
        pieces.append(pcm)
        if to_pipe:
            sys.stdout.buffer.write(to_s16(pcm))
            sys.stdout.buffer.flush()

    synthesise(engine, settings, segments, collect)
    audio = np.concatenate(pieces)
    if not to_pipe:
        write_wav(output, audio, engine.sample_rate)
    click.echo(
        f"{'-' if to_pipe else output}: {len(audio) / engine.sample_rate:.1f} s at {engine.sample_rate} Hz", err=to_pipe
    )
