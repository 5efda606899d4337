"""A turn detector without a model: its probabilities come from a script."""

import time
from collections.abc import Callable, Generator
from itertools import count

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.contract import CostKey
from voiceagent.engines.queue import Job
from voiceagent.engines.scripted import Script, ScriptedEngine, ScriptedStep, entry
from voiceagent.engines.timing import SMALL_CPU, StepTimes
from voiceagent.engines.turn.contract import TurnEvent, TurnPrediction

PREDICT: CostKey = ("turn.predict", 1)
ALWAYS_COMPLETE = (0.99,)


class ScriptedTurn(ScriptedEngine):
    """Answers a stream's n-th question with the script's n-th probability."""

    def __init__(
        self,
        probabilities: Script[float] = ALWAYS_COMPLETE,
        *,
        timing: StepTimes = SMALL_CPU,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__("turn", timing, sleep)
        self.probabilities = probabilities

    def open(self, on_event: Callable[[TurnEvent], None]) -> "ScriptedTurnStream":
        """Start judging for one session."""
        return ScriptedTurnStream(self, next(self._stream_ids), on_event)


class ScriptedTurnStream:
    """One session's predictions."""

    def __init__(self, engine: ScriptedTurn, stream: int, on_event: Callable[[TurnEvent], None]) -> None:
        self._engine = engine
        self.number = stream
        self._on_event = on_event
        self._questions = count()

    def predict(self, fork: int, pcm: NDArray[np.float32], deadline: float) -> None:
        """Judge the turn, whatever the audio. Replaces an older request."""
        self._engine.cancel(self.number)
        steps = self._judge(fork, next(self._questions))
        self._engine.submit(Job(self.number, fork, deadline, PREDICT, steps, self._on_event))

    def close(self) -> None:
        """End the stream."""
        self._engine.cancel(self.number)

    def _judge(self, fork: int, question: int) -> Generator[ScriptedStep, None, None]:
        yield ScriptedStep(TurnPrediction(fork, entry(self._engine.probabilities, question)))
