"""What was sent of a response, in order, and how much of that the listener has played.

The two are the same where the listener plays what it gets at once; a client that is sent audio ahead of time plays it
later, and what it has not played can be taken back.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from voiceagent.audio.segment_buffer import SegmentBuffer


@dataclass(slots=True)
class Run:
    """Consecutive samples: of a segment from `start` on, or silence."""

    segment: SegmentBuffer | None
    start: int
    count: int
    pause: bool
    """Silence that belongs between two segments; any other silence is a gap."""

    def continues(self, earlier: "Run") -> bool:
        """Return whether it goes on where an earlier one ends."""
        if self.segment is None:
            return earlier.segment is None and earlier.pause is self.pause
        return earlier.segment is self.segment and earlier.start + earlier.count == self.start


class Timeline:
    """One response's samples, from the first one of speech on."""

    def __init__(self) -> None:
        self.sent = 0
        self.played = 0
        self._runs: list[Run] = []
        self._playing = 0  # index of the run that `played` lies in
        self._before = 0  # samples of the runs before it

    def add(self, count: int, segment: SegmentBuffer | None = None, *, start: int = 0, pause: bool = False) -> None:
        """Record `count` samples as sent: of a segment from `start` on, or of silence."""
        run = Run(segment, start, count, pause)
        self.sent += count
        if self._runs and run.continues(self._runs[-1]):
            self._runs[-1].count += count
        else:
            self._runs.append(run)

    def play(self, played: int) -> None:
        """Record the first samples as played; this never goes back."""
        self.played = max(self.played, played)
        while self._playing < len(self._runs):
            run = self._runs[self._playing]
            part = min(run.count, self.played - self._before)
            if run.segment is not None:
                run.segment.reach(run.start + part)
            if part < run.count or self._playing == len(self._runs) - 1:
                return
            self._before += run.count
            self._playing += 1

    def forget(self, samples: int) -> None:
        """Take the last samples for not played: they did not arrive."""
        self.played = max(0, self.played - samples)
        while self._playing and self._before > self.played:
            self._playing -= 1
            self._before -= self._runs[self._playing].count

    def take_back(self) -> Iterator[Run]:
        """Take back what was not played, from the end, as if it had never been sent."""
        while self.sent > self.played:
            run = self._runs[-1]
            count = min(run.count, self.sent - self.played)
            run.count -= count
            self.sent -= count
            yield Run(run.segment, run.start + run.count, count, run.pause)
            if not run.count:
                self._runs.pop()
        self._playing = min(self._playing, max(0, len(self._runs) - 1))
        self._before = sum(run.count for run in self._runs[: self._playing])

    def reached(self, samples: int) -> dict[SegmentBuffer, int]:
        """Return how far the first samples reach into each segment."""
        reached: dict[SegmentBuffer, int] = {}
        for run in self._runs:
            part = min(run.count, samples)
            if run.segment is not None and part:
                reached[run.segment] = max(reached.get(run.segment, 0), run.start + part)
            samples -= part
        return reached
