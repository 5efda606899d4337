"""A voice activity detector without a model: a loud frame is speech."""

import time
from collections.abc import Callable, Generator

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.contract import CostKey, Need
from voiceagent.engines.queue import Job
from voiceagent.engines.scripted import VOICED_RMS, Frames, ScriptedEngine, ScriptedStep, rms
from voiceagent.engines.timing import SMALL_CPU, StepTimes
from voiceagent.engines.vad.contract import FRAME_S, FRAME_SAMPLES, VadEvent, VadFrame

FRAME: CostKey = ("vad.frame", 1)
NO_TAG = -1


class ScriptedVad(ScriptedEngine):
    """Says 0.99 for frames at or above `threshold` (RMS) and 0.01 for the others."""

    def __init__(
        self,
        threshold: float = VOICED_RMS,
        *,
        timing: StepTimes = SMALL_CPU,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__("vad", timing, sleep)
        self.threshold = threshold

    def open(self, on_event: Callable[[VadEvent], None]) -> "ScriptedVadStream":
        """Start watching one session's audio."""
        return ScriptedVadStream(self, next(self._stream_ids), on_event)


class ScriptedVadStream:
    """One session's audio."""

    def __init__(self, engine: ScriptedVad, stream: int, on_event: Callable[[VadEvent], None]) -> None:
        self._engine = engine
        self.number = stream
        self._on_event = on_event
        self._frames = Frames(FRAME_SAMPLES)
        self._end_sample = 0

    def push(self, pcm: NDArray[np.float32], now: float) -> None:
        """Take audio that arrived at `now`; a frame is late when the next one is there."""
        for frame in self._frames.push(pcm):
            self._end_sample += FRAME_SAMPLES
            steps = self._judge(frame, self._end_sample, now)
            self._engine.submit(Job(self.number, NO_TAG, now + FRAME_S, FRAME, steps, self._on_event, Need.PROMISED))

    def close(self) -> None:
        """End the stream."""
        self._engine.cancel(self.number)

    def _judge(
        self, frame: NDArray[np.float32], end_sample: int, heard_at: float
    ) -> Generator[ScriptedStep, None, None]:
        probability = 0.99 if rms(frame) >= self._engine.threshold else 0.01
        yield ScriptedStep(VadFrame(probability, end_sample, heard_at))
