"""How long the start took, stage by stage, from the beginning of the process until it is ready. Knows no stage."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

STAT = Path("/proc/self/stat")
START_FIELD = 22
"""Of /proc/PID/stat: when the process began, in clock ticks since the machine did (proc(5))."""


def process_age_s() -> float | None:
    """Return the seconds since this process began, interpreter included; None where the system does not tell."""
    try:
        fields = STAT.read_text().rpartition(")")[2].split()  # the name before may hold spaces
        began_s = int(fields[START_FIELD - 3]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - began_s)
    except (OSError, ValueError, IndexError, AttributeError):  # not Linux
        return None


class Startup:
    """Notes when each stage ends; the first began with the process, or now where that is not known."""

    def __init__(
        self, age_s: Callable[[], float | None] = process_age_s, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._since = clock() - (age_s() or 0.0)
        self.stages: dict[str, float] = {}
        """Seconds, by stage, in order."""

    def end(self, stage: str) -> None:
        """Note that a stage ends here, and another begins."""
        now = self._clock()
        self.stages[stage] = now - self._since
        self._since = now

    def told(self, within: Mapping[str, float]) -> str:
        """Return a line for people; `within` is what ran side by side in the last stage, in seconds."""
        parts = [f"{stage} {seconds:.1f} s" for stage, seconds in self.stages.items()]
        longest_first = sorted(within.items(), key=lambda one: -one[1])
        inner = ", ".join(f"{name} {seconds:.1f}" for name, seconds in longest_first)
        return f"Started in {sum(self.stages.values()):.1f} s: {', '.join(parts)}{f' ({inner})' if inner else ''}."
