"""What every voice offers: audio for a segment of text, with the times of its words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.speech import Word
from voiceagent.engines.contract import Engine, Need, StreamFailed


@dataclass(frozen=True, slots=True)
class SpeechAudio:
    """A piece of a segment's audio, in order; `final` marks the last one."""

    generation: int
    segment: int
    pcm: NDArray[np.float32]
    words: tuple[Word, ...]
    """The words that begin in this piece, in seconds from the start of the segment."""
    final: bool


TtsEvent = SpeechAudio | StreamFailed


class TtsStream(Protocol):
    """One session's voice."""

    number: int
    """Its number in the engine's batches."""

    def speak(
        self,
        generation: int,
        segment: int,
        text: str,
        deadline: float,
        *,
        need: Need = Need.AWAITED,
        voice: str | None = None,
        language: str | None = None,
    ) -> None:
        """Synthesise one segment; segments of a generation are spoken in the order of these calls.

        `voice` is one of the engine's `voices`, `language` one of its `languages`, None its own. Raises VoiceAgentError
        that names them for any other voice.
        """

    def reschedule(self, generation: int, deadline: float, *, need: Need = Need.AWAITED) -> None:
        """Move the deadline of the generation's next audio."""

    def cancel(self, generation: int) -> None:
        """Drop the generation's segments; they send no event after this call."""

    def close(self) -> None:
        """End the stream."""


class TtsEngine(Engine, Protocol):
    """A loaded voice."""

    @property
    def sample_rate(self) -> int:
        """Sample rate of its audio in Hz."""

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices available for a segment, once it is loaded; the first is the default."""

    @property
    def languages(self) -> tuple[str, ...]:
        """What it speaks, once it is loaded, as ISO 639-1 codes; none where the language makes no difference."""

    def open(self, on_event: Callable[[TtsEvent], None]) -> TtsStream:
        """Start speaking for one session."""
