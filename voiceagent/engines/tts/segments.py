"""The queue and the streams of voices that speak one segment after the other."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator

from voiceagent.engines.contract import Batch, CostKey, Need
from voiceagent.engines.queue import Job, QueueEngine
from voiceagent.engines.tts.contract import TtsEvent
from voiceagent.engines.tts.voices import voice_among


class SegmentQueue(QueueEngine, ABC):
    """A queue in which a generation's segments keep their order, and none follows a failed one."""

    first_step: CostKey
    """What the first step of a segment costs."""

    @abstractmethod
    def speak(self, generation: int, segment: int, text: str, voice: str) -> Generator[object, None, object]:
        """Return the steps that speak a segment, in one of its `voices`."""

    @property
    @abstractmethod
    def voices(self) -> tuple[str, ...]:
        """The voices available for a segment, once it is loaded; the first is the default."""

    def open(self, on_event: Callable[[TtsEvent], None]) -> "SegmentStream":
        """Start speaking for one session."""
        return SegmentStream(self, next(self._stream_ids), on_event)

    def submit(self, job: Job) -> None:
        """Queue a segment, never more urgent than the one before it, so that it cannot overtake it."""
        for before in self._jobs:
            if before.stream == job.stream and before.tag == job.tag:
                job.deadline = max(job.deadline, before.deadline)
                job.need = max(job.need, before.need)
        super().submit(job)

    def fail(self, batch: Batch, error: Exception) -> None:
        """Drop the segment that raised and those after it; notify the stream once."""
        super().fail(batch, error)
        job = batch.work
        assert isinstance(job, Job)
        self.cancel(job.stream, job.tag)


class SegmentStream:
    """One session's voice."""

    def __init__(self, engine: SegmentQueue, stream: int, on_event: Callable[[TtsEvent], None]) -> None:
        self._engine = engine
        self.number = stream
        self._on_event = on_event

    def speak(
        self,
        generation: int,
        segment: int,
        text: str,
        deadline: float,
        *,
        need: Need = Need.AWAITED,
        voice: str | None = None,
        language: str | None = None,
    ) -> None:
        """Synthesise one segment, after the earlier ones of its generation. Raises VoiceAgentError for an unknown
        voice."""
        steps = self._engine.speak(generation, segment, text, voice_among(self._engine.voices, voice))
        key = self._engine.first_step
        job = Job(self.number, generation, deadline, key, steps, self._on_event, need, generation=generation)
        self._engine.submit(job)

    def reschedule(self, generation: int, deadline: float, *, need: Need = Need.AWAITED) -> None:
        """Move the deadline of the generation's next audio."""
        self._engine.reschedule(self.number, generation, deadline, need=need)

    def cancel(self, generation: int) -> None:
        """Drop the generation's segments."""
        self._engine.cancel(self.number, generation)

    def close(self) -> None:
        """End the stream."""
        self._engine.cancel(self.number)
