"""Speech that waits to be sent: a response's segments, how far each has been sent, and what of it was heard.

The book-keeping beneath `Playout`, which alone decides when anything moves.
"""

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.speech import Heard, HeardSegment, SpeechChunk, Word


class SegmentBuffer:
    """A segment's audio, kept until all of it was sent so that a resume can step back in it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.words: list[Word] = []
        self.words_heard = 0
        self.final = False
        self.pause = 0  # samples of silence after it
        self.length = 0
        self.position = 0  # the next sample to send
        self.furthest = 0  # `position` as if there had been no stepping back
        self._pieces: list[tuple[int, Pcm]] = []

    @property
    def left(self) -> int:
        """Samples not sent yet."""
        return self.length - self.position

    @property
    def complete(self) -> bool:
        """All of it has been sent, and no more comes."""
        return self.final and self.left == 0

    def append(self, pcm: Pcm) -> None:
        """Take the next samples."""
        self._pieces.append((self.length, pcm))
        self.length += len(pcm)

    def step_back(self, limit: int, rate: int) -> None:
        """Go to the beginning of the word that `position` cuts, if that is at most `limit` samples back."""
        for word in self.words:
            start, end = max(0, round(word.start_s * rate)), round(word.end_s * rate)
            if start < self.position < end and self.position - start <= limit:
                self.position = start
                return

    def forget_audio(self) -> None:
        """Free the samples; nothing of them is read again."""
        self._pieces.clear()

    def read(self, count: int) -> Pcm:
        """Return up to `count` samples from `position` on, which stays."""
        end = min(self.position + count, self.length)
        parts = [
            pcm[max(0, self.position - start) : end - start]
            for start, pcm in self._pieces
            if start < end and start + len(pcm) > self.position
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def advance(self, count: int) -> None:
        """Book so many samples as sent."""
        self.position += count
        self.furthest = max(self.furthest, self.position)

    def hear_words(self, rate: int) -> range:
        """Count the words that have become heard since the last call, and return their numbers.

        When all its audio is out, all its words are, wherever the timing puts them; without audio, none are.
        """
        first, heard_s = self.words_heard, self.furthest / rate
        while heard_s and self.words_heard < len(self.words):
            if not self.complete and self.words[self.words_heard].middle_s > heard_s:
                break
            self.words_heard += 1
        return range(first, self.words_heard)


class ResponseBuffer:
    """One generation's segments, in order."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.segments: list[SegmentBuffer] = []
        self.current = 0  # index of the segment being sent
        self.silence = 0  # samples still to pass before it
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
        """The segment being sent, or next to be; None when all there are have been."""
        return self.segments[self.current] if self.current < len(self.segments) else None

    @property
    def buffered(self) -> int:
        """Samples until it runs dry, pauses included."""
        waiting = self.segments[self.current :]
        return self.silence + sum(segment.left + (segment.pause if segment.final else 0) for segment in waiting)

    def heard(self, rate: int) -> Heard:
        """Return the segments that have begun, with their words heard."""
        begun = self.segments[: self.current]
        if self.segment is not None and self.segment.furthest:
            begun.append(self.segment)
        return Heard(
            self.generation,
            tuple(
                HeardSegment(
                    segment.number,
                    words=tuple(segment.words[: segment.words_heard]),
                    played_s=segment.furthest / rate,
                    complete=segment is not self.segment,
                )
                for segment in begun
            ),
        )
