"""What every voice activity detector offers: a speech probability for every 32 ms of audio."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.contract import Engine, StreamFailed

FRAME_SAMPLES = 512
"""Samples that one probability stands for."""
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class VadFrame:
    """The judgement of one frame."""

    probability: float
    end_sample: int
    """Samples of the stream up to the end of this frame."""
    heard_at: float
    """Event-loop time in seconds at which the frame's last sample was pushed."""


VadEvent = VadFrame | StreamFailed


class VadStream(Protocol):
    """One session's audio."""

    number: int
    """Its number in the engine's batches."""

    def push(self, pcm: NDArray[np.float32], now: float) -> None:
        """Take more audio (16 kHz mono float32) that arrived at `now` (event-loop seconds)."""

    def close(self) -> None:
        """End the stream."""


class VadEngine(Engine, Protocol):
    """A loaded detector."""

    def open(self, on_event: Callable[[VadEvent], None]) -> VadStream:
        """Start watching one session's audio."""
