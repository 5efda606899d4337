"""What the scripted engines share: steps of known duration, and audio that is voiced when it is loud.

A scripted job states with every step what its next step will cost, and ends with its last event: no step that does
nothing is run (or charged to a virtual clock). Where the timing has batches, a step takes the most urgent job and those
of its kind that are due soon after it. Knows no text and no kind of engine.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.contract import Batch, CostKey, Need
from voiceagent.engines.queue import Job, QueueEngine, Stepped
from voiceagent.engines.timing import StepTimes

T = TypeVar("T")
Script = Sequence[T] | Callable[[int], T]
"""What to say the n-th time: a sequence (which repeats), or a function of n."""

JOIN_WITHIN_S = 1.0
"""A step includes jobs due this soon after its most urgent one: a longer time would delay that job for less urgent
ones, a shorter one would read the same weights twice."""
VOICED_RMS = 0.01
"""-40 dBFS: above the noise of a quiet room, well below speech at a microphone (about -25 dBFS)."""


def entry(script: Script[T], n: int) -> T:
    """Return the script's n-th entry, counted from 0."""
    return script(n) if callable(script) else script[n % len(script)]


def rms(pcm: NDArray[np.float32]) -> float:
    """Return the root mean square of some samples, one at least, 0 to 1."""
    return math.sqrt(np.dot(pcm, pcm) / len(pcm))


def voiced(frames: NDArray[np.float32]) -> int:
    """Return how many frames, the rows of an array, are speech by their loudness."""
    return int(np.count_nonzero(np.einsum("ij,ij->i", frames, frames) >= frames.shape[1] * VOICED_RMS**2))


class Frames:
    """Cuts audio that arrives in pieces of any length into frames of one length."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rest = np.zeros(0, np.float32)

    def push(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take samples and return the frames that are now whole: (frames, size)."""
        audio = np.concatenate((self._rest, pcm)) if len(self._rest) else pcm
        whole = len(audio) - len(audio) % self._size
        self._rest = audio[whole:]
        return audio[:whole].reshape(-1, self._size)


@dataclass(frozen=True, slots=True)
class ScriptedStep:
    """What a scripted job yields: the event of this step, and what the next one costs (None: it was the last)."""

    event: object | None
    next_key: CostKey | None = None


class ScriptedEngine(QueueEngine):
    """A QueueEngine whose jobs yield `ScriptedStep`s, and whose steps take the time they are scripted to take."""

    def __init__(self, lane: str, timing: StepTimes, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(lane)
        self._timing = timing
        self._sleep = sleep

    def load(self) -> None:
        """Do nothing: there is nothing to load."""

    def pending(self, now: float) -> Batch | None:
        """Return one step of the most urgent job, and of those of its kind that are due soon after it."""
        alone = super().pending(now)
        if alone is None or (limit := self._timing.batch_limit(alone.cost_key[0])) == 1:
            return alone
        first = alone.work
        assert isinstance(first, Job)
        company = {first.stream: first}
        heads: dict[int, Job] = {}
        for job in sorted(self.ready(), key=lambda job: self.urgency(job, now)):
            heads.setdefault(job.stream, job)  # a stream's second job depends on its first
        for job in heads.values():
            if len(company) < limit and job.cost_key[0] == alone.cost_key[0] and self.goes_along(job, first, now):
                company[job.stream] = job
        later = max(0, self.sharing(alone.cost_key[0]) - len(company))
        if len(company) == 1:
            return replace(alone, expected_joiners=later)
        key = (alone.cost_key[0], len(company))
        return replace(
            alone,
            cost_key=key,
            streams=tuple(company),
            work=tuple(company.values()),
            generation=None,
            expected_joiners=later,
        )

    def sharing(self, kind: str) -> int:
        """Return how many streams have, or will soon have, work of a kind; 0 where that cannot be predicted."""
        return 0

    def goes_along(self, job: Job, first: Job, now: float) -> bool:
        """Return whether a job may share the step of the most urgent one: that step gets longer, others shorter."""
        if max(job.need, Need.AWAITED) != max(first.need, Need.AWAITED):  # guesses go with guesses alone
            return False
        return first.need is Need.PROMISED or job.deadline <= max(first.deadline, now) + JOIN_WITHIN_S

    def run(self, batch: Batch) -> object:
        """Take the step's time, then run it. On the lane's thread. A job that raises fails no other of its batch."""
        self._sleep(self._timing.cost_s(batch.cost_key))
        if isinstance(batch.work, Job):
            return super().run(batch)
        return [self._attempt(single) for single in _singles(batch)]

    def deliver(self, batch: Batch, results: object) -> None:
        """Advance the jobs to their next steps, or end them, and hand out the events."""
        if isinstance(batch.work, Job):
            self._deliver_one(batch, results)
            return
        assert isinstance(results, list)
        for single, result in zip(_singles(batch), results, strict=True):
            if isinstance(result, Exception):
                self.fail(single, result)
            else:
                self._deliver_one(single, result)

    def fail(self, batch: Batch, error: Exception) -> None:
        """Drop the jobs of the step and notify their streams."""
        for single in [batch] if isinstance(batch.work, Job) else _singles(batch):
            super().fail(single, error)

    def _deliver_one(self, batch: Batch, results: object) -> None:
        job = batch.work
        assert isinstance(job, Job)
        assert isinstance(results, Stepped)
        step = results.event
        assert isinstance(step, ScriptedStep)
        if step.next_key is not None:
            job.cost_key = step.next_key
        super().deliver(batch, Stepped(step.event, done=step.next_key is None))

    def _attempt(self, single: Batch) -> object:
        try:
            return super().run(single)
        except Exception as error:  # as a lane does for a step of its own
            return error


def _singles(batch: Batch) -> list[Batch]:
    """Return a batch's jobs, each as a batch of its own."""
    jobs = batch.work
    assert isinstance(jobs, tuple)
    return [replace(batch, streams=(job.stream,), work=job) for job in jobs]
