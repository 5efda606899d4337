"""The health of the lanes: a lane is stuck while a step of it hangs, and failing while step after step raises.

A step hangs when it has taken far longer than predicted, unless its thread has been kept from a processor all the
while: on a crowded machine it is slow, and returns. It cannot be interrupted, so it is abandoned: its streams
fail, and until it returns so does all other work of its lane. A lane recovers when the step returns, or when one
succeeds.

Pure: the scheduler reports what happens and when (event-loop seconds). Knows no engine, no thread and no timer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from voiceagent.engines.contract import CostKey
from voiceagent.errors import VoiceAgentError

HANG_S = 5.0
"""No step takes this long on a device fit for conversation; the first of its kind, which has no prediction, may take a
second or two on a slow CPU."""
HANG_FACTOR = 20.0
"""Stragglers on a crowded machine take a few times the prediction."""
STARVED_BELOW = 0.5
"""A thread that has had this share of a processor or more is not kept from it. One that waits for something (a lock, a
GPU) has had none: it may wait for ever."""
STARVED_TIMES = 4
"""A step is abandoned after as many times the usual, starved or not."""
FAILURES = 5
"""In a row: failures of a single caller end sooner, or other callers' steps succeed in between."""
PROBATION_S = 30.0
"""A failing lane without a failure for this long is tried again; one more failure marks it as failing again."""


class StuckError(VoiceAgentError):
    """A step hangs."""


@dataclass(frozen=True, slots=True)
class Hang:
    """A step that was abandoned and has not returned."""

    key: CostKey
    start: float
    predicted_s: float
    error: StuckError


@dataclass(slots=True)
class Row:
    """Failures of a lane since its last success."""

    failures: int = 0
    latest: float = 0.0


def hang_after_s(predicted_s: float) -> float:
    """Return how long a step with this prediction may take."""
    return max(HANG_S, HANG_FACTOR * predicted_s)


def is_starved(busy_s: float, within_s: float) -> bool:
    """Return whether a thread that has computed for `busy_s` of `within_s` wants to, and is kept from it by others."""
    return 0 < busy_s < STARVED_BELOW * within_s


class Watchdog:
    """Remembers what is wrong with each lane."""

    def __init__(self) -> None:
        self._hangs: dict[str, Hang] = {}
        self._rows: dict[str, Row] = {}

    @property
    def stuck(self) -> Mapping[str, Hang]:
        """The lanes with a step that hangs."""
        return MappingProxyType(self._hangs)

    def hang(self, lane: str, key: CostKey, start: float, now: float, predicted_s: float) -> StuckError:
        """Record that a step is abandoned; return the error for its streams."""
        error = StuckError(
            f"A step of {key[0]} has not returned for {now - start:.0f} s; {predicted_s:.2f} s were expected"
        )
        self._hangs[lane] = Hang(key, start, predicted_s, error)
        return error

    def returned(self, lane: str) -> bool:
        """Record that a step of the lane has ended; return whether it had been abandoned."""
        return self._hangs.pop(lane, None) is not None

    def succeeded(self, lane: str) -> None:
        """Record that a step of the lane succeeded."""
        self._rows.pop(lane, None)

    def failed(self, lane: str, now: float) -> None:
        """Record that a step of the lane raised."""
        row = self._rows.setdefault(lane, Row())
        row.failures += 1
        row.latest = now

    def troubles(self, now: float) -> dict[str, str]:
        """Return, per lane in trouble, what is wrong and what to do."""
        failing = {
            lane: f"its last {row.failures} steps have failed. The log says why."
            for lane, row in self._rows.items()
            if row.failures >= FAILURES and now - row.latest < PROBATION_S
        }
        stuck = {
            lane: f"a step of {hang.key[0]} has not returned for {now - hang.start:.0f} s"
            f" ({hang.predicted_s:.2f} s were expected). Restart the server if this persists."
            for lane, hang in self._hangs.items()
        }
        return failing | stuck
