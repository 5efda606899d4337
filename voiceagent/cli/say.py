"""`voiceagent say`: speak a text into a file."""

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
    "-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The WAV file to write."
)
@with_settings
def say(loaded: "Loaded", text: str, output: Path) -> None:
    """Speak TEXT into a WAV file."""
    import numpy as np

    from voiceagent.app.engines import build_tts
    from voiceagent.audio.files import write_wav
    from voiceagent.engines.contract import StreamFailed
    from voiceagent.engines.drive import drive
    from voiceagent.engines.tts.contract import TtsEvent
    from voiceagent.text import Segmenter, ends_sentence, speakable

    settings = loaded.settings
    segmenter = Segmenter(settings.llm.first_segment_min_tokens, settings.llm.first_segment_max_tokens)
    segments = [segment for segment in segmenter.push(text) + segmenter.flush() if speakable(segment)]
    if not segments:
        raise VoiceAgentError(f"There is nothing to speak in {text!r}; give it some words.")
    engine = build_tts(settings)
    engine.load()
    pause = np.zeros(engine.sample_rate * settings.session.sentence_pause_ms // 1000, np.float32)
    pieces: list[np.ndarray] = []

    def collect(event: TtsEvent) -> None:
        if isinstance(event, StreamFailed):
            raise VoiceAgentError(f"The voice failed on {text!r}: {event.error}") from event.error
        pieces.append(event.pcm)
        if event.final and event.segment < len(segments) - 1 and ends_sentence(segments[event.segment]):
            pieces.append(pause)

    stream = engine.open(collect)
    for index, segment in enumerate(segments):
        stream.speak(1, index, speakable(segment), deadline=0.0)
    drive(engine)
    audio = np.concatenate(pieces)
    write_wav(output, audio, engine.sample_rate)
    click.echo(f"{output}: {len(audio) / engine.sample_rate:.1f} s at {engine.sample_rate} Hz")
