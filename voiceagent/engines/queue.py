"""An engine base for models that work on one job at a time.

A job is a generator: each `next` is one bounded step on the lane; what it yields, and what it returns at its end, is an
event for the stream's owner (or None). At each step the most urgent job goes on, so a final transcript can overtake a
half-finished partial one. Subclasses add `load` and an `open` that returns their stream; streams call `submit` and
`cancel`.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from voiceagent.engines.base import EngineBase
from voiceagent.engines.contract import HOLD, Batch, CostKey, Need, StreamFailed, order

UNDATED = float("-inf")
"""The deadline of a job that gets one when the scheduler next asks for work: an engine has no clock."""

places = count()
"""Numbers all waiting work in arrival order, across engines."""


@dataclass(slots=True, eq=False)
class Job:
    """A queued piece of work: `steps` runs on the lane, everything else belongs to the event loop."""

    stream: int
    tag: int
    """Fork or generation, as `cancel` and StreamFailed name it."""
    deadline: float
    cost_key: CostKey
    steps: Generator[object, None, object]
    on_event: Callable[[Any], None]
    need: Need = Need.AWAITED
    cancelled: bool = False
    generation: int | None = None
    number: int = field(default_factory=places.__next__)
    place: int = field(default_factory=places.__next__)
    """The arrival order of its next step among all waiting work."""


@dataclass(frozen=True, slots=True)
class Next:
    """Yielded by a step in place of an event, to declare the cost of the next step."""

    cost_key: CostKey
    event: object = None


@dataclass(frozen=True, slots=True)
class Stepped:
    """The result of one step of a job."""

    event: object
    done: bool


class QueueEngine(EngineBase):
    """Queues jobs and runs one step of the most urgent of them at a time."""

    def __init__(self, lane: str) -> None:
        super().__init__(lane)
        self._jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        """Queue a job and wake the scheduler."""
        self._jobs.append(job)
        self._wake()

    def cancel(self, stream: int, tag: int | None = None) -> None:
        """Drop the jobs of a stream, or those with one tag. A step under way finishes; its result is dropped."""
        for job in self._jobs:
            if job.stream == stream and tag in (None, job.tag):
                job.cancelled = True
        self._jobs = [job for job in self._jobs if not job.cancelled]

    def reschedule(self, stream: int, tag: int, deadline: float, *, need: Need) -> None:
        """Move the deadline of queued jobs, for example when a speculative response is released."""
        for job in self._jobs:
            if job.stream == stream and job.tag == tag:
                job.deadline, job.need = deadline, need
        self._wake()

    def pending(self, now: float) -> Batch | None:
        """Return one step of the most urgent job."""
        for waiting in self._jobs:
            if waiting.deadline == UNDATED:
                waiting.deadline = now
        job = min(self.ready(), key=lambda job: self.urgency(job, now), default=None)
        if job is None:
            return None
        return Batch(self._lane, job.cost_key, job.deadline, (job.stream,), job, job.need, job.generation, job.place)

    def ready(self) -> list[Job]:
        """Return the jobs that are not on hold."""
        return [job for job in self._jobs if job.deadline != HOLD]

    def urgency(self, job: Job, now: float) -> tuple[float, ...]:
        """Return the sort key of a job: the least runs first."""
        return (*order(job.need, job.deadline, now), job.number)

    def run(self, batch: Batch) -> object:
        """Run the job up to its next yield. On the lane's thread."""
        job = batch.work
        assert isinstance(job, Job)
        try:
            return Stepped(next(job.steps), done=False)
        except StopIteration as end:
            return Stepped(end.value, done=True)

    def deliver(self, batch: Batch, results: object) -> None:
        """Give the yielded event to the stream, unless its job was cancelled meanwhile."""
        job = batch.work
        assert isinstance(job, Job)
        assert isinstance(results, Stepped)
        if job.cancelled:
            return
        if results.done:
            self._jobs.remove(job)
        job.place = next(places)
        if job.need is Need.BACKGROUND:  # each of its steps waits by itself
            job.deadline = UNDATED
        event = results.event
        if isinstance(event, Next):
            job.cost_key, event = event.cost_key, event.event
        if event is not None:
            job.on_event(event)

    def fail(self, batch: Batch, error: Exception) -> None:
        """Drop the job that raised and notify its stream."""
        job = batch.work
        assert isinstance(job, Job)
        if not job.cancelled:
            self._jobs.remove(job)
            job.on_event(StreamFailed(job.tag, error))

    def close(self) -> None:
        """Drop all jobs; subclasses free their model."""
        for job in self._jobs:
            job.cancelled = True
        self._jobs.clear()
