"""A text spoken by an engine that is driven by hand, without a scheduler: for commands and for tests."""

from collections.abc import Callable
from typing import Any

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.config.settings import Settings
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.drive import drive
from voiceagent.engines.tts.contract import TtsEvent
from voiceagent.errors import VoiceAgentError
from voiceagent.text import Segmenter, ends_sentence, speakable


def segments_of(text: str, settings: Settings) -> list[str]:
    """Return the pieces in which a text is spoken. Raises VoiceAgentError for one without words."""
    llm, language = settings.llm, settings.session.language
    segmenter = Segmenter(llm.first_segment_min_tokens, llm.first_segment_max_tokens, language)
    segments = [segment for segment in segmenter.push(text) + segmenter.flush() if speakable(segment, language)]
    if not segments:
        raise VoiceAgentError(f"There is nothing to speak in {text!r}; give it some words.")
    return segments


def synthesise(engine: Any, settings: Settings, segments: list[str], on_pcm: Callable[[Pcm], None]) -> None:
    """Speak, and pass the sound on as it comes, at the engine's rate. `engine` is a loaded TtsEngine.

    Raises VoiceAgentError where the voice fails.
    """
    language = settings.session.language
    pause = np.zeros(engine.sample_rate * settings.session.sentence_pause_ms // 1000, np.float32)

    def collect(event: TtsEvent) -> None:
        if isinstance(event, StreamFailed):
            raise VoiceAgentError(f"The voice failed on {' '.join(segments)!r}: {event.error}") from event.error
        on_pcm(event.pcm)
        if event.final and event.segment < len(segments) - 1 and ends_sentence(segments[event.segment], language):
            on_pcm(pause)

    stream = engine.open(collect)
    for index, segment in enumerate(segments):
        stream.speak(1, index, speakable(segment, language), deadline=0.0, language=language)
    drive(engine)
    stream.close()
