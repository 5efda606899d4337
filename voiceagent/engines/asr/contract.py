"""What every speech recogniser offers: a stream that listens, and final texts on forks of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.speech import Word
from voiceagent.engines.contract import Engine, StreamFailed

SAMPLE_RATE = 16_000
"""Hz of the audio that ASR, VAD and turn detection take."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The text of the turn so far. Partial (fork None) or final for a fork of the stream."""

    text: str
    fork: int | None = None
    words: tuple[Word, ...] = ()
    """When each word was heard, in seconds since the stream was opened; empty where the backend cannot tell."""


AsrEvent = Transcript | StreamFailed


class AsrStream(Protocol):
    """One session's ear. All methods are cheap and on the event loop."""

    number: int
    """What the engine's batches call it."""

    def push(self, pcm: NDArray[np.float32]) -> None:
        """Hear more audio (16 kHz mono float32), in speech and in silence."""

    def begin_speech(self) -> None:
        """Speech was detected just now: what was heard shortly before belongs to it; partials may follow."""

    def finalise(self, fork: int, deadline: float) -> None:
        """Transcribe all of the turn up to now on a fork; the stream itself goes on listening.

        Forks are numbered upwards; an unfinished older fork is dropped.
        """

    def commit(self) -> None:
        """The turn is over: forget its audio up to the last fork, keep what came after; drop open work."""

    def close(self) -> None:
        """End the stream."""


class AsrEngine(Engine, Protocol):
    """A loaded recogniser."""

    def open(self, on_event: Callable[[AsrEvent], None]) -> AsrStream:
        """Start listening for one session."""
