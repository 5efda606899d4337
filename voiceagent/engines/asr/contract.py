"""What every speech recogniser offers: a stream that listens, and final transcripts on forks of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.speech import Word
from voiceagent.engines.contract import Engine, Need, StreamFailed

SAMPLE_RATE = 16_000
"""Hz of the audio that ASR, VAD and turn detection take."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The text of the turn so far: partial (fork None), or final for a fork of the stream."""

    text: str
    fork: int | None = None
    words: tuple[Word, ...] = ()
    """When each word was heard, in seconds since the stream was opened; empty if the backend does not know."""
    confidence: float | None = None
    """How sure the backend is of a final transcript, 0 to 1: its tokens' mean probability (geometric); None if it does
    not say."""


AsrEvent = Transcript | StreamFailed


class AsrStream(Protocol):
    """One session's audio. All methods are cheap and on the event loop."""

    number: int
    """Its number in the engine's batches."""

    def push(self, pcm: NDArray[np.float32]) -> None:
        """Take more audio (16 kHz mono float32), in speech and in silence."""

    def begin_speech(self) -> None:
        """Report that speech was detected: the audio shortly before belongs to it; partials may follow."""

    def finalise(self, fork: int, deadline: float) -> None:
        """Transcribe the turn up to now on a fork; the stream itself goes on listening.

        Fork numbers increase; an unfinished older fork is dropped.
        """

    def commit(self) -> None:
        """End the turn: forget its audio up to the last fork, keep what came after; drop open work."""

    def close(self) -> None:
        """End the stream."""


class AsrEngine(Engine, Protocol):
    """A loaded recogniser."""

    @property
    def languages(self) -> tuple[str, ...]:
        """What it hears, once it is loaded, as ISO 639-1 codes; none where the language makes no difference."""

    def open(self, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED) -> AsrStream:
        """Start listening for one session, or for a program: none of its work is more urgent than `need`."""
