"""Silero VAD through onnxruntime: one batch over all streams with a frame due.

A frame is judged with the 64 samples before it and a recurrent state. Both belong to the stream and change only on the
event loop: a step gets copies and returns new ones.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.base import EngineBase
from voiceagent.engines.contract import Batch, Need, StreamFailed
from voiceagent.engines.onnx import open_session
from voiceagent.engines.vad.contract import FRAME_S, FRAME_SAMPLES, VadEvent, VadFrame

CONTEXT_SAMPLES = 64
STATE_SIZE = 128
FRAMES_PER_STEP = 8
"""Frames of one stream in one step, when it is late: 0.2 ms each on one core."""
NO_TAG = -1

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Task:
    """One stream's part of a step: `frames` is (n, 512), `context` (64,), `state` (2, 128)."""

    frames: Array
    context: Array
    state: Array


@dataclass(frozen=True, slots=True)
class Judged:
    """The result of a task."""

    probabilities: list[float]
    state: Array


class SileroEngine(EngineBase):
    """One loaded Silero VAD and its streams."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        super().__init__("vad")
        self._path = path
        self._threads = threads
        self._session: ort.InferenceSession | None = None
        self._streams: dict[int, SileroStream] = {}

    def load(self) -> None:
        """Load and run once. Raises VoiceAgentError for a missing or damaged file."""
        self._session = open_session(self._path, self._threads)
        self._judge(
            np.zeros((1, CONTEXT_SAMPLES + FRAME_SAMPLES), np.float32), np.zeros((2, 1, STATE_SIZE), np.float32)
        )

    def open(self, on_event: Callable[[VadEvent], None]) -> "SileroStream":
        """Start watching one session's audio."""
        number = next(self._stream_ids)
        self._streams[number] = SileroStream(number, self._wake, on_event, lambda: self._streams.pop(number, None))
        return self._streams[number]

    def pending(self, now: float) -> Batch | None:
        """Return one step over every stream with a frame due."""
        tasks = {id_: stream.task() for id_, stream in self._streams.items() if stream.due}
        if not tasks:
            return None
        deadline = min(self._streams[id_].heard_at() for id_ in tasks) + FRAME_S
        key = ("vad.frame", sum(len(task.frames) for task in tasks.values()))
        return Batch(self.lane, key, deadline, tuple(tasks), tasks, Need.PROMISED)

    def run(self, batch: Batch) -> object:
        """Judge the frames: the first of every stream, then the second of those that have one, and so on."""
        tasks = batch.work
        assert isinstance(tasks, dict)
        judged = {id_: Judged([], task.state) for id_, task in tasks.items()}
        inputs = {id_: with_context(task) for id_, task in tasks.items()}
        for turn in range(max(map(len, inputs.values()))):
            ids = [id_ for id_, rows in inputs.items() if turn < len(rows)]
            probabilities, states = self._judge(
                np.stack([inputs[id_][turn] for id_ in ids]), np.stack([judged[id_].state for id_ in ids], axis=1)
            )
            for row, id_ in enumerate(ids):
                judged[id_] = Judged([*judged[id_].probabilities, float(probabilities[row, 0])], states[:, row])
        return judged

    def deliver(self, batch: Batch, results: object) -> None:
        """Hand out the judgements."""
        assert isinstance(results, Mapping)
        for id_, judged in results.items():
            if (stream := self._streams.get(id_)) is not None:
                stream.take(judged)

    def fail(self, batch: Batch, error: Exception) -> None:
        """Drop the frames of the step and notify their streams."""
        tasks = batch.work
        assert isinstance(tasks, dict)
        for id_, task in tasks.items():
            if (stream := self._streams.get(id_)) is not None:
                stream.lose(len(task.frames), error)

    def close(self) -> None:
        """Drop all streams and free the model."""
        self._streams.clear()
        self._session = None

    def _judge(self, rows: Array, state: Array) -> tuple[Array, Array]:
        assert self._session is not None, "load() first"
        feed = {"input": rows, "state": state, "sr": np.array(SAMPLE_RATE, np.int64)}
        probabilities, state = self._session.run(None, feed)
        return probabilities, state


class SileroStream:
    """One session's audio, its recurrent state, and when each sample arrived."""

    def __init__(
        self, number: int, wake: Callable[[], None], on_event: Callable[[VadEvent], None], end: Callable[[], object]
    ) -> None:
        self.number = number
        self._wake = wake
        self._on_event = on_event
        self._end = end
        self._closed = False
        self._audio = np.zeros(0, np.float32)
        self._taken = 0
        """Samples of the stream before `_audio`."""
        self._arrivals: deque[tuple[int, float]] = deque()
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)
        self._state = np.zeros((2, STATE_SIZE), np.float32)

    def push(self, pcm: Array, now: float) -> None:
        """Take more audio that arrived at `now`."""
        if len(pcm):
            self._audio = np.concatenate((self._audio, pcm))
            self._arrivals.append((self._taken + len(self._audio), now))
        if self.due:
            self._wake()

    def close(self) -> None:
        """End the stream."""
        self._closed = True
        self._end()

    @property
    def due(self) -> bool:
        """Whether a frame is complete."""
        return len(self._audio) >= FRAME_SAMPLES

    def heard_at(self) -> float:
        """Return when the last sample of the first frame arrived."""
        return next(at for end, at in self._arrivals if end >= self._taken + FRAME_SAMPLES)

    def task(self) -> Task:
        """Return the next frames with their context and state."""
        frames = min(len(self._audio) // FRAME_SAMPLES, FRAMES_PER_STEP)
        return Task(self._audio[: frames * FRAME_SAMPLES].reshape(frames, FRAME_SAMPLES), self._context, self._state)

    def take(self, judged: Judged) -> None:
        """Report the probabilities of the first frames, which are then dropped."""
        self._state = judged.state
        for probability in judged.probabilities:
            if self._closed:  # by the owner, on the event of the frame before
                return
            heard_at = self.heard_at()
            self._advance()
            self._on_event(VadFrame(probability, self._taken, heard_at))

    def lose(self, frames: int, error: Exception) -> None:
        """Skip frames that will never be judged."""
        for _ in range(frames):
            self._advance()
        self._on_event(StreamFailed(NO_TAG, error))

    def _advance(self) -> None:
        self._context = self._audio[FRAME_SAMPLES - CONTEXT_SAMPLES : FRAME_SAMPLES]
        self._audio = self._audio[FRAME_SAMPLES:]
        self._taken += FRAME_SAMPLES
        while self._arrivals and self._arrivals[0][0] <= self._taken:
            self._arrivals.popleft()


def with_context(task: Task) -> Array:
    """Return the task's frames, each after the 64 samples before it: (n, 576). NaN becomes silence."""
    ends = task.frames[:-1, -CONTEXT_SAMPLES:]
    rows = np.hstack((np.vstack((task.context[np.newaxis], ends)), task.frames))
    return np.clip(np.nan_to_num(rows), -1.0, 1.0)
