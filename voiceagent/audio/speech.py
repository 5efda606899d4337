"""What is spoken, and the account of what was heard: the data that goes into playout and comes out of it."""

from dataclasses import dataclass

from voiceagent.audio.pcm import Pcm


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it is spoken, in seconds from the beginning of its segment."""

    text: str
    start_s: float
    end_s: float

    @property
    def middle_s(self) -> float:
        """A word counts as heard when this much of its segment is out."""
        return (self.start_s + self.end_s) / 2


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of a segment's audio. The pieces of a segment, and the segments of a generation, come in order."""

    generation: int
    segment: int
    pcm: Pcm
    words: tuple[Word, ...] = ()
    """Words of the segment that no earlier piece named, in order."""
    final: bool = True
    """The segment's last piece."""
    pause_after_s: float = 0.0
    """Silence between this segment and the next; counts on the final piece."""


@dataclass(frozen=True, slots=True)
class SegmentStarted:
    """The first sample of a segment has been sent."""

    generation: int
    segment: int


@dataclass(frozen=True, slots=True)
class WordHeard:
    """Half of a word has been sent. Words of a segment are counted from 0, and reported once, in order."""

    generation: int
    segment: int
    index: int


@dataclass(frozen=True, slots=True)
class SegmentHeard:
    """The last sample of a segment has been sent."""

    generation: int
    segment: int


@dataclass(frozen=True, slots=True)
class Drained:
    """All of a finished generation has been sent."""

    generation: int


PlayoutEvent = SegmentStarted | WordHeard | SegmentHeard | Drained


@dataclass(frozen=True, slots=True)
class HeardSegment:
    """How much of one segment was heard."""

    segment: int
    words: tuple[Word, ...]
    """The words heard, from the first on; the last of them at least by half."""
    played_s: float
    complete: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What a listener has heard of a generation: its segments that began, in order."""

    generation: int
    segments: tuple[HeardSegment, ...] = ()

    @property
    def text(self) -> str:
        """The words heard, as one line."""
        return " ".join(word.text for segment in self.segments for word in segment.words)
