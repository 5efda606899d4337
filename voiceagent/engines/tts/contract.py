"""What every voice offers: audio for a segment of text, with the time of each word."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.speech import Word
from voiceagent.engines.contract import Engine, Need, StreamFailed


@dataclass(frozen=True, slots=True)
class SpeechAudio:
    """A piece of a segment's audio, in order; `final` marks the segment's last."""

    generation: int
    segment: int
    pcm: NDArray[np.float32]
    words: tuple[Word, ...]
    """The words that begin in this piece, in seconds from the beginning of the segment."""
    final: bool


TtsEvent = SpeechAudio | StreamFailed


class TtsStream(Protocol):
    """One session's voice."""

    number: int
    """What the engine's batches call it."""

    def speak(
        self,
        generation: int,
        segment: int,
        text: str,
        deadline: float,
        *,
        need: Need = Need.AWAITED,
        voice: str | None = None,
    ) -> None:
        """Synthesise one segment; segments of a generation are spoken in the order of these calls.

        `voice` is one of the engine's `voices`, None its own. Raises VoiceAgentError that names them for any other.
        """

    def reschedule(self, generation: int, deadline: float, *, need: Need = Need.AWAITED) -> None:
        """Say anew by when the generation's next audio is needed."""

    def cancel(self, generation: int) -> None:
        """Drop the generation's segments; no event of it comes after this call."""

    def close(self) -> None:
        """End the stream."""


class TtsEngine(Engine, Protocol):
    """A loaded voice."""

    @property
    def sample_rate(self) -> int:
        """Hz of the audio it makes."""

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices that a segment may be spoken in, once it is loaded; the first is its own."""

    def open(self, on_event: Callable[[TtsEvent], None]) -> TtsStream:
        """Start speaking for one session."""
