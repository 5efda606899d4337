"""What was heard and not yet taken: after a device ran dry, the microphone may be late for good.

PortAudio takes as much from the microphone as it plays. While playing stood still the microphone went on, and what came
meanwhile stays before all that follows: a person is heard as late as the gap was long, and no canceller finds the echo.
Nothing but beginning again takes it away.
"""

from collections import deque

TOO_LATE_S = 0.08
"""The age of a block jitters by 20 ms on a busy machine, and grows by a gap when the device ran dry."""
SURE_BLOCKS = 20
"""10 ms each: after a late call the blocks that waited come at once, each younger than the one before."""


class Backlog:
    """Watches the age of blocks: the time from when the microphone heard one until it came, as the device says."""

    def __init__(self) -> None:
        self._usual_s: float | None = None
        self._latest = deque[float](maxlen=SURE_BLOCKS)

    def is_late(self, age_s: float) -> bool:
        """Note the age of the next block; return whether blocks have been too old all the while, and forget then what
        was usual."""
        self._latest.append(age_s)
        if len(self._latest) < SURE_BLOCKS:
            return False
        youngest = min(self._latest)
        self._usual_s = youngest if self._usual_s is None else min(self._usual_s, youngest)
        if youngest - self._usual_s <= TOO_LATE_S:
            return False
        self._usual_s = None
        self._latest.clear()
        return True
