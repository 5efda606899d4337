"""`voiceagent transcribe`: write down what is said in audio files."""

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
@with_settings
def transcribe(loaded: "Loaded", files: tuple[Path, ...]) -> None:
    """Transcribe audio FILES (any format that FFmpeg reads)."""
    from voiceagent.app.engines import build_asr
    from voiceagent.audio.files import read_audio
    from voiceagent.engines.asr.contract import AsrEvent, Transcript
    from voiceagent.engines.drive import drive
    from voiceagent.weights import Store

    settings = loaded.settings
    settings = settings.model_copy(update={"asr": settings.asr.model_copy(update={"partials": False})})
    engine = build_asr(settings, Store(settings.weights.dir))
    engine.load()
    failures = 0
    for path in files:
        texts: list[str] = []

        def collect(event: AsrEvent, texts: list[str] = texts) -> None:
            if isinstance(event, Transcript) and event.fork is not None:
                texts.append(event.text)

        try:
            audio = read_audio(path)
        except VoiceAgentError as error:
            click.echo(f"Error: {error}", err=True)
            failures += 1
            continue
        stream = engine.open(collect)
        stream.begin_speech()
        for start in range(0, len(audio), PIECE_SAMPLES):
            stream.push(audio[start : start + PIECE_SAMPLES])
            drive(engine)  # as it comes: a recording of hours is not held twice
        stream.finalise(1, deadline=0.0)
        drive(engine)
        stream.close()
        if not texts:
            click.echo(f"Error: {path}: the recogniser failed.", err=True)
            failures += 1
            continue
        click.echo(f"{path}: {texts[0]}" if len(files) > 1 else texts[0])
    if failures:
        raise SystemExit(1)
