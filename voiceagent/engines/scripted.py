"""What the scripted engines share: steps of known duration, and audio that is voiced when it is loud.

A scripted job says with every step what its next step will cost, and ends with its last event: no step is
run (or charged to a virtual clock) that does nothing. Knows no text and no kind of engine.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.contract import Batch, CostKey
from voiceagent.engines.queue import Job, QueueEngine, Stepped
from voiceagent.engines.timing import Timing

T = TypeVar("T")
Script = Sequence[T] | Callable[[int], T]
"""What to say at the n-th time: a sequence (which begins again at its end), or a function of n."""

VOICED_RMS = 0.01
"""-40 dBFS: above the noise of a quiet room, well below speech at a microphone (about -25 dBFS)."""


def entry(script: Script[T], n: int) -> T:
    """Return what the script has for the n-th time, counted from 0."""
    return script(n) if callable(script) else script[n % len(script)]


def rms(pcm: NDArray[np.float32]) -> float:
    """Return the root mean square of some samples, 0 to 1."""
    return float(np.sqrt(np.mean(np.square(pcm, dtype=np.float64))))


class Frames:
    """Cuts audio that arrives in pieces of any length into frames of one length."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rest = np.zeros(0, np.float32)

    def push(self, pcm: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Take samples and return the frames that are now whole."""
        audio = np.concatenate((self._rest, pcm))
        whole = len(audio) - len(audio) % self._size
        self._rest = audio[whole:]
        return [audio[start : start + self._size] for start in range(0, whole, self._size)]


@dataclass(frozen=True, slots=True)
class Step:
    """What a scripted job yields: the event of this step, and what the next one costs (None: it was the last)."""

    event: object | None
    next_key: CostKey | None = None


class ScriptedEngine(QueueEngine):
    """A QueueEngine whose jobs yield `Step`s, and whose steps take the time they are scripted to take."""

    def __init__(self, lane: str, timing: Timing, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(lane)
        self._timing = timing
        self._sleep = sleep

    def load(self) -> None:
        """There is nothing to load."""

    def run(self, batch: Batch) -> object:
        """Take the step's time, then run it. On the lane's thread."""
        self._sleep(self._timing.cost_s(batch.cost_key))
        return super().run(batch)

    def deliver(self, batch: Batch, results: object) -> None:
        """Move the job on to its next step, or end it, and hand out the event."""
        job = batch.work
        assert isinstance(job, Job)
        assert isinstance(results, Stepped)
        step = results.event
        assert isinstance(step, Step)
        if step.next_key is not None:
            job.cost_key = step.next_key
        super().deliver(batch, Stepped(step.event, done=step.next_key is None))
