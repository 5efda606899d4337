"""The steps that the lanes ran lately: for the strip on the page, and for the trace of each turn.

Times are seconds on the event-loop clock. Used on the event loop only; knows neither engines nor sessions.
"""

from collections import deque
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

STEPS_PER_LANE = 4_096
"""Two minutes of one caller's voice activity frames, the most frequent of all steps."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One finished step of a lane."""

    lane: str
    key: tuple[str, int]
    """What its cost depends on: kind and size."""
    start: float
    end: float
    generation: int | None = None
    """The response it was for, where it was for exactly one."""
    streams: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the step as plain data."""
        return {
            "lane": self.lane,
            "key": self.key[0],
            "size": self.key[1],
            "start": round(self.start, 6),
            "end": round(self.end, 6),
            "generation": self.generation,
        }


class StepLog:
    """Remembers each lane's latest steps; a busy lane does not push out those of a quiet one."""

    def __init__(self, steps_per_lane: int = STEPS_PER_LANE) -> None:
        self._capacity = steps_per_lane
        self._lanes: dict[str, deque[StepRecord]] = {}

    def add(self, record: StepRecord) -> None:
        """Remember a step. A lane's steps must come in the order they ran."""
        self._lanes.setdefault(record.lane, deque(maxlen=self._capacity)).append(record)

    def since(self, t: float) -> list[StepRecord]:
        """Return the steps that ended after `t`, in the order they started."""
        recent = [
            record
            for lane in self._lanes.values()
            for record in takewhile(lambda record: record.end > t, reversed(lane))
        ]
        return sorted(recent, key=lambda record: record.start)
