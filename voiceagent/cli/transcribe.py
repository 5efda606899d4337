"""`voiceagent transcribe`: write the transcripts of audio files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from voiceagent.cli.options import with_settings
from voiceagent.errors import VoiceAgentError

if TYPE_CHECKING:
    from voiceagent.config import Loaded

PIECE_SAMPLES = 16_000


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--words", is_flag=True, help="Also print each word with its start and end in seconds (nemotron).")
@with_settings
def transcribe(loaded: "Loaded", files: tuple[Path, ...], words: bool) -> None:
    """Transcribe audio FILES (any format that FFmpeg reads)."""
    from voiceagent.app.engines import build_engine
    from voiceagent.app.settings import changed
    from voiceagent.app.specs import gpus_for
    from voiceagent.audio.files import read_audio
    from voiceagent.engines.asr.contract import AsrEvent, Transcript
    from voiceagent.engines.drive import drive

    settings = loaded.settings
    settings = changed(settings, "asr", {"partials": False})
    engine = build_engine("asr", settings, gpus_for(settings))
    engine.load()
    failures = 0

    def warn(text: str) -> None:
        click.echo(f"Warning: {text}", err=True)

    for path in files:
        finals: list[Transcript] = []

        def collect(event: AsrEvent, finals: list[Transcript] = finals) -> None:
            if isinstance(event, Transcript) and event.fork is not None:
                finals.append(event)

        try:
            audio = read_audio(path, warn=warn)
        except VoiceAgentError as error:
            click.echo(f"Error: {error}", err=True)
            failures += 1
            continue
        stream = engine.open(collect)
        stream.begin_speech()
        for start in range(0, len(audio), PIECE_SAMPLES):
            stream.push(audio[start : start + PIECE_SAMPLES])
            drive(engine)  # streamed: a recording of hours is not held twice
        stream.finalise(1, deadline=0.0)
        drive(engine)
        stream.close()
        if not finals:
            click.echo(f"Error: {path}: the recogniser failed.", err=True)
            failures += 1
            continue
        final = finals[0]
        if not final.text:
            warn(f"{path}: no words were recognised.")
        if words and final.text and not final.words:
            raise VoiceAgentError(
                f"asr.engine {settings.asr.engine} gives no word times; use --set asr.engine=nemotron."
            )
        click.echo(f"{path}: {final.text}" if len(files) > 1 else final.text)
        if words:
            click.echo(
                "".join(f"{word.start_s:9.2f} {word.end_s:9.2f}  {word.text}\n" for word in final.words), nl=False
            )
    if failures:
        raise SystemExit(1)
