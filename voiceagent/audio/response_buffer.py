"""A response's segments, in order: which is being sent, which is being played, and what was heard of all of them.

The bookkeeping below `Playout`, which alone decides when anything moves.
"""

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.segment_buffer import SegmentBuffer
from voiceagent.audio.speech import Heard, HeardSegment, SpeechChunk
from voiceagent.audio.timeline import Timeline


class ResponseBuffer:
    """One generation's segments, in order."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.segments: list[SegmentBuffer] = []
        self.current = 0  # index of the segment being sent
        self.heard = 0  # index of the segment being played
        self.timeline = Timeline()
        self.silence = 0  # samples still to pass before the segment being sent
        self.finished = self.drained = False

    def append(self, chunk: SpeechChunk, pcm: Pcm, rate: int) -> None:
        """Take the next piece, `pcm` being its checked samples. Raises ValueError for one that is out of order."""
        last = self.segments[-1] if self.segments else None
        if last is None or chunk.segment > last.number:
            if last is not None:
                last.final = True  # what was to come of it failed: the next one says that it is over
            last = SegmentBuffer(chunk.segment)
            self.segments.append(last)
        elif last.final or chunk.segment < last.number:
            raise ValueError(f"Segment {chunk.segment} is over, so no more of it can be enqueued.")
        last.append(pcm)
        last.words += chunk.words
        if chunk.final:
            last.final = True
            last.pause = round(chunk.pause_after_s * rate)

    @property
    def segment(self) -> SegmentBuffer | None:
        """The segment being sent, or the next one; None when all have been sent."""
        return self.segments[self.current] if self.current < len(self.segments) else None

    @property
    def buffered(self) -> int:
        """Samples until it runs dry, pauses included."""
        waiting = self.segments[self.current :]
        return self.silence + sum(segment.left + (segment.pause if segment.final else 0) for segment in waiting)

    @property
    def playable(self) -> int:
        """Samples that could be sent without knowing what follows: up to the end of the last enqueued speech."""
        waiting = self.segments[self.current :]
        while waiting and not waiting[-1].left:
            waiting = waiting[:-1]
        return self.silence + sum(s.left + s.pause for s in waiting) - waiting[-1].pause if waiting else 0

    def take_back(self) -> bool:
        """Send what was sent but not played again when it goes on; return whether there was any."""
        taken = False
        for run in self.timeline.take_back():
            taken = True
            if run.segment is not None:
                run.segment.position = run.start
                self.current, self.silence = self.segments.index(run.segment), 0
            elif run.pause:
                self.silence += run.count
        return taken

    def rewind(self, samples: int, rate: int) -> None:
        """Send the last samples again, from the beginning of a word on, as far as they are kept."""
        kept = next((at for at, segment in enumerate(self.segments) if segment.has_audio), self.current)
        self.timeline.forget(samples)
        self.take_back()
        if self.current < kept:
            self.current, self.segments[kept].position = kept, 0
        if (segment := self.segment) is not None:
            segment.step_back(rate, rate)

    def forget_before(self, index: int) -> None:
        """Free the samples of the segment before this one: they are too long ago to be sent again."""
        if index:
            self.segments[index - 1].forget_audio()

    def forget_audio(self) -> None:
        """Free the samples; none of them is sent any more."""
        for segment in self.segments:
            segment.forget_audio()

    def heard_so_far(self, rate: int) -> Heard:
        """Return the segments that have begun to be played, with their words heard."""
        begun = self.segments[: self.heard]
        if self.heard < len(self.segments) and self.segments[self.heard].furthest:
            begun.append(self.segments[self.heard])
        return Heard(
            self.generation,
            tuple(
                HeardSegment(
                    segment.number,
                    words=tuple(segment.words[: segment.words_heard]),
                    played_s=segment.furthest / rate,
                    complete=index < self.heard,
                )
                for index, segment in enumerate(begun)
            ),
        )

    def heard_within(self, samples: int, rate: int) -> Heard:
        """Return what is heard in the first samples of what was sent."""
        return Heard(
            self.generation,
            tuple(
                HeardSegment(
                    segment.number,
                    words=tuple(segment.words[: segment.words_within(position, rate)]),
                    played_s=position / rate,
                    complete=segment.final and position == segment.length,
                )
                for segment, position in self.timeline.reached(samples).items()
            ),
        )
