"""The steps that the lanes ran recently: for the strip on the page, and for the trace of each turn.

Times are seconds on the event-loop clock. Used on the event loop only; knows neither engines nor sessions.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from math import isfinite
from typing import Any, Literal

Failure = Literal["error", "memory", "hang"]
"""It raised; it ran out of memory; or it hung and was abandoned at its recorded end."""

NeedLabel = Literal["promised", "awaited", "speculative", "background"]
"""How its delay is heard: as a gap in an answer, as a longer silence, or not at all."""

STEPS_PER_LANE = 4_096
"""Two minutes of one caller's voice activity frames, the most frequent of all steps."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One finished step of a lane."""

    lane: str
    key: tuple[str, int]
    """What its cost depends on: its kind and size."""
    start: float
    end: float
    generation: int | None = None
    """The response it was for, where it was for exactly one."""
    streams: tuple[int, ...] = ()
    predicted_s: float = 0.0
    """The cost that the policy assumed."""
    deadline: float = float("inf")
    """When a listener would have noticed that it was late; its submission, where a caller waited in silence."""
    need: NeedLabel = "promised"
    failure: Failure | None = None

    @property
    def failed(self) -> bool:
        """Whether it raised or was abandoned."""
        return self.failure is not None

    @property
    def slack_s(self) -> float:
        """Time to spare when it began: deadline - start - predicted cost. Below zero it was already late."""
        return self.deadline - self.start - self.predicted_s

    @property
    def missed(self) -> bool:
        """Whether it broke a promise: awaited steps are always late, and no caller waits for a guess."""
        return self.end > self.deadline and self.need == "promised"

    def to_json(self) -> dict[str, Any]:
        """Return the step as plain data."""
        return {
            "lane": self.lane,
            "key": self.key[0],
            "size": self.key[1],
            "start": round(self.start, 6),
            "end": round(self.end, 6),
            "generation": self.generation,
            "ms": _ms(self.end - self.start),
            "predicted_ms": _ms(self.predicted_s),
            "slack_ms": _ms(self.slack_s) if isfinite(self.slack_s) else None,
            "need": self.need,
            "streams": len(self.streams),
            "missed": self.missed,
            "failed": self.failed,
            "failure": self.failure,
        }


class StepLog:
    """Remembers each lane's latest steps; a busy lane does not push out those of a quiet one."""

    def __init__(self, steps_per_lane: int = STEPS_PER_LANE) -> None:
        self._concurrency = steps_per_lane
        self._lanes: dict[str, deque[StepRecord]] = {}

    def add(self, record: StepRecord) -> None:
        """Remember a step. A lane's steps must come in the order they ran."""
        self._lanes.setdefault(record.lane, deque(maxlen=self._concurrency)).append(record)

    def since(self, t: float) -> list[StepRecord]:
        """Return the steps that ended after `t`, in the order they started."""
        recent = [
            record
            for lane in self._lanes.values()
            for record in takewhile(lambda record: record.end > t, reversed(lane))
        ]
        return sorted(recent, key=lambda record: record.start)


def occupancy(steps: Iterable[StepRecord], start: float, end: float) -> dict[str, dict[str, float]]:
    """Return, for each lane that worked between `start` and `end`, the share of time it was busy, and its counts."""
    lanes: dict[str, dict[str, float]] = {}
    for step in steps:
        lane = lanes.setdefault(step.lane, {"busy": 0.0, "steps": 0, "missed": 0, "failed": 0})
        lane["busy"] += max(0.0, min(step.end, end) - max(step.start, start)) / (end - start)
        lane["steps"] += 1
        lane["missed"] += step.missed
        lane["failed"] += step.failed
    return {name: {**lane, "busy": round(lane["busy"], 4)} for name, lane in lanes.items()}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
