"""Smart Turn v3 through onnxruntime, in two steps: the features (`log_mel.py`) and the model (`window.py`)."""

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from voiceagent.engines.contract import CostKey
from voiceagent.engines.onnx import open_session
from voiceagent.engines.queue import Job, Next, QueueEngine
from voiceagent.engines.turn.contract import TurnEvent, TurnPrediction
from voiceagent.engines.turn.smart_turn.log_mel import HOP, log_mel
from voiceagent.engines.turn.smart_turn.window import FEATURES_A_POSITION, POSITION_S, POSITIONS, shortened

FEATURES: CostKey = ("turn.features", 1)
MODEL: CostKey = ("turn.model", 1)


class SmartTurnEngine(QueueEngine):
    """One loaded Smart Turn and its streams."""

    def __init__(self, path: Path, threads: int = 1, window_s: float = POSITIONS * POSITION_S) -> None:
        """`window_s` is how much of the latest audio is judged, in seconds, 8 at most."""
        super().__init__("turn")
        self._positions = min(POSITIONS, round(window_s / POSITION_S))
        self._path = path
        self._threads = threads
        self._session: ort.InferenceSession | None = None

    def load(self) -> None:
        """Load and run once. Raises VoiceAgentError for a missing or damaged file."""
        shorter = None if self._positions == POSITIONS else partial(shortened, positions=self._positions)
        self._session = open_session(self._path, self._threads, rewrite=shorter)
        for _ in self.judge(0, np.zeros(HOP, np.float32)):
            pass

    def open(self, on_event: Callable[[TurnEvent], None]) -> "SmartTurnStream":
        """Start judging for one session."""
        return SmartTurnStream(self, next(self._stream_ids), on_event)

    def judge(self, fork: int, pcm: NDArray[np.float32]) -> Generator[Next, None, TurnPrediction]:
        """Judge the turn that ends with `pcm`, of which the last seconds count."""
        assert self._session is not None, "load() first"
        features = log_mel(pcm, FEATURES_A_POSITION * self._positions)
        yield Next(MODEL)
        # The output is called "logits", but the model ends with a sigmoid.
        (probabilities,) = self._session.run(None, {"input_features": features[np.newaxis]})
        return TurnPrediction(fork, float(probabilities[0, 0]))

    def close(self) -> None:
        """Drop all requests and free the model."""
        super().close()
        self._session = None


class SmartTurnStream:
    """One session's predictions."""

    def __init__(self, engine: SmartTurnEngine, stream: int, on_event: Callable[[TurnEvent], None]) -> None:
        self._engine = engine
        self.number = stream
        self._on_event = on_event

    def predict(self, fork: int, pcm: NDArray[np.float32], deadline: float) -> None:
        """Judge the turn that ends with `pcm` (16 kHz mono float32). Replaces an older request."""
        self._engine.cancel(self.number)
        steps = self._engine.judge(fork, pcm)
        self._engine.submit(Job(self.number, fork, deadline, FEATURES, steps, self._on_event))

    def close(self) -> None:
        """End the stream."""
        self._engine.cancel(self.number)
