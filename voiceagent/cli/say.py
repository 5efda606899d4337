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
    from voiceagent.audio.files import write_wav
    from voiceagent.audio.pcm import to_s16
    from voiceagent.engines.contract import StreamFailed
    from voiceagent.engines.drive import drive
    from voiceagent.engines.tts.contract import TtsEvent
    from voiceagent.text import Segmenter, ends_sentence, speakable

    settings = loaded.settings
    if voice is not None:
        if "voice" not in type(settings.tts).model_fields:
            raise VoiceAgentError(f"The engine {settings.tts.engine} has one voice only: leave out --voice.")
        settings = changed(settings, "tts", {"voice": voice})
    llm, language = settings.llm, settings.session.language
    segmenter = Segmenter(llm.first_segment_min_tokens, llm.first_segment_max_tokens, language)
    segments = [segment for segment in segmenter.push(text) + segmenter.flush() if speakable(segment, language)]
    if not segments:
        raise VoiceAgentError(f"There is nothing to speak in {text!r}; give it some words.")
    engine = build_engine("tts", settings, gpus_for(settings))
    engine.load()
    pause = np.zeros(engine.sample_rate * settings.session.sentence_pause_ms // 1000, np.float32)
    pieces: list[np.ndarray] = []
    to_pipe = str(output) == "-"

    def collect(event: TtsEvent) -> None:
        if isinstance(event, StreamFailed):
            raise VoiceAgentError(f"The voice failed on {text!r}: {event.error}") from event.error
        spoken = [event.pcm]
        if event.final and event.segment < len(segments) - 1 and ends_sentence(segments[event.segment], language):
            spoken.append(pause)
        pieces.extend(spoken)
        if to_pipe:
            sys.stdout.buffer.write(b"".join(to_s16(pcm) for pcm in spoken))
            sys.stdout.buffer.flush()

    stream = engine.open(collect)
    for index, segment in enumerate(segments):
        stream.speak(1, index, speakable(segment, language), deadline=0.0, language=language)
    drive(engine)
    audio = np.concatenate(pieces)
    if not to_pipe:
        write_wav(output, audio, engine.sample_rate)
    click.echo(
        f"{'-' if to_pipe else output}: {len(audio) / engine.sample_rate:.1f} s at {engine.sample_rate} Hz", err=to_pipe
    )
