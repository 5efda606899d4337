"""What every turn detector offers: how likely it is that the speaker has finished."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.contract import Engine, StreamFailed

WINDOW_S = 8.0
"""Seconds of audio up to now that a detector may look at."""


@dataclass(frozen=True, slots=True)
class TurnPrediction:
    """The probability that the turn is complete at the given fork."""

    fork: int
    probability: float


TurnEvent = TurnPrediction | StreamFailed


class TurnStream(Protocol):
    """One session's predictions."""

    number: int
    """Its number in the engine's batches."""

    def predict(self, fork: int, pcm: NDArray[np.float32], deadline: float) -> None:
        """Judge the turn that ends with `pcm` (16 kHz mono float32, at most 8 s). Replaces an older request."""

    def close(self) -> None:
        """End the stream."""


class TurnEngine(Engine, Protocol):
    """A loaded turn detector."""

    def open(self, on_event: Callable[[TurnEvent], None]) -> TurnStream:
        """Start judging for one session."""
