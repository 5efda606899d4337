"""The pieces of a response's text, and how much of them was heard. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby


@dataclass(slots=True)
class Segment:
    """A piece of the response's text."""

    text: str
    """As the model wrote it."""
    spoken: str
    """As it is read aloud."""
    reply: int | None
    """Which of the response's replies it belongs to; None for what the model did not write."""
    words: list[str] = field(default_factory=list)
    audio_done: bool = False


def heard_of(segments: Sequence[Segment], heard_words: dict[int, int]) -> Iterator[tuple[int | None, str]]:
    """Return what was heard of each reply, in order, given the number of words heard of each segment.

    Segments heard whole are given as the model wrote them, so that it recognises its own words.
    """
    for reply, group in groupby(enumerate(segments), key=lambda numbered: numbered[1].reply):
        heard = ""
        for index, segment in group:
            count = heard_words.get(index, 0)
            if not segment.audio_done or count < len(segment.words):
                yield reply, f"{heard} {' '.join(segment.words[:count])}".strip()
                return
            heard += segment.text
        yield reply, heard.strip()
