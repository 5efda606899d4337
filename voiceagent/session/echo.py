"""The line between loudspeaker and microphone: whether what is heard can be the agent's own sound, by time and level.

An echo begins with the sound that it comes from, ends with it, a little later, and keeps its distance in level. What a
line is like is learned from what was known again by its words (`agent_voice.py`). Knows no words.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from voiceagent.audio.pcm import Pcm

AUDIBLE = 0.003
"""RMS below which a frame is silence (-50 dBFS)."""
GAP_S = 0.15
"""A shorter silence of the agent's, as between two words, does not end its sound."""
LAG_S = 0.9
"""An echo comes no later: networks, loudspeakers and jitter buffers take up to half a second, soft beginnings more."""
EARLY_S = 0.1
"""The beginning of a sound may be taken to be this much earlier than it is."""
TAIL_S = 0.4
"""It may last this much longer than its lag says: rooms resound, and silence is noticed late."""
LAST_S = 0.3
"""A sound that begins in the last of the agent's is its echo only if it is no louder: people repeat last words."""
LOUDER = 2.0
"""So much louder than the echo is another voice (6 dB)."""
ALIKE_S = 0.06
"""Two echoes are as late as this, to the frame; two coughs are not."""
KEPT_S = 8.0
UNLEARN_S = 3.0
"""A line that is silent while the agent speaks for so long gives nothing back."""


@dataclass(slots=True)
class Run:
    """Sound of the agent without a gap."""

    begin: float
    end: float


@dataclass(slots=True)
class Levels:
    """How loud one side was: (when, RMS), of the last seconds."""

    _kept: deque[tuple[float, float]] = field(default_factory=deque)

    def add(self, at: float, pcm: Pcm) -> float:
        """Take sound that ends at a time; return its level."""
        level = float(np.sqrt(np.dot(pcm, pcm) / len(pcm))) if len(pcm) else 0.0
        self._kept.append((at, level))
        while self._kept[0][0] < at - KEPT_S:
            self._kept.popleft()
        return level

    def loudest(self, since: float, until: float) -> float:
        """Return the highest level between two times."""
        return max((level for at, level in self._kept if since <= at <= until), default=0.0)


class Echo:
    """One session's line. Times in event-loop seconds."""

    def __init__(self) -> None:
        self.known = False
        """Whether the line gives the agent's voice back."""
        self._far, self._near = Levels(), Levels()
        self._runs: deque[Run] = deque(maxlen=16)
        self._gain = 0.0
        self._lag_s = LAG_S
        self._unreturned_s = 0.0
        """How long the agent has been heard since the microphone last heard anything."""
        self._coincidence: float | None = None
        """How late after the agent's the last sound began, if it ended with it, too."""
        self._coincided = 0

    def play(self, pcm: Pcm, at: float) -> None:
        """The listener is played this."""
        if self._far.add(at, pcm) < AUDIBLE:
            return
        if self._runs and at - self._runs[-1].end < GAP_S:
            self._unreturned_s += at - self._runs[-1].end
            self._runs[-1].end = at
            self.known = self.known and self._unreturned_s < UNLEARN_S
        else:
            self._runs.append(Run(at, at))

    def hear(self, pcm: Pcm, at: float) -> None:
        """The microphone heard this."""
        self._near.add(at, pcm)

    def notice(self) -> None:
        """There is a sound like speech."""
        self._unreturned_s = 0.0

    def explains(self, since: float, at: float) -> bool:
        """Return whether what is heard now is no louder than the echo of what was played, on a line that has one."""
        return self.known and self._near.loudest(since, at) <= LOUDER * self._gain * self._far.loudest(
            since - LAG_S, at
        )

    def may_hold(self, begin: float, end: float) -> bool:
        """Return whether a sound can be an echo from beginning to end, as far as time tells, and level at its end."""
        run = self._run_before(begin)
        if run is None or (begin - run.begin > LAG_S and not self.known):
            return False
        if run is self._runs[-1] and begin > run.end - LAST_S and self.known and not self.explains(begin, end):
            return False
        last = self._run_before(end)
        return last is not None and end <= last.end + self._lag_s + TAIL_S

    def source_of(self, begin: float) -> float:
        """Return when the sound began that a sound can be the echo of."""
        run = self._run_before(begin)
        return begin if run is None else run.begin

    def begins_with(self, begin: float) -> bool:
        """Return whether a sound can have begun as an echo."""
        run = self._run_before(begin)
        return run is not None and begin <= run.end + self._lag_s

    def coincided(self, begin: float, end: float) -> int:
        """Return how many sounds in a row, up to this one, began and ended with the agent's, equally late."""
        run = self._run_before(begin)
        fits = run is not None and begin - run.begin <= LAG_S and end <= run.end + LAG_S
        before, self._coincidence = self._coincidence, begin - run.begin if run is not None and fits else None
        if not fits or before is None or self._coincidence is None or abs(self._coincidence - before) > ALIKE_S:
            self._coincided = int(fits)
        else:
            self._coincided += 1
        return self._coincided

    def learn(self, begin: float, end: float) -> None:
        """A sound was known again as the agent's."""
        run = self._run_before(begin)
        far = self._far.loudest(begin - LAG_S, end)
        if run is None or not far:
            return
        lag_s, gain = begin - run.begin, self._near.loudest(begin, end) / far
        if lag_s <= LAG_S:
            self._lag_s = min(LAG_S, max(lag_s, 0.0)) if not self.known else max(self._lag_s, lag_s)
        self._gain = (self._gain + gain) / 2 if self.known else gain
        self.known = True

    def _run_before(self, at: float) -> Run | None:
        return next((run for run in reversed(self._runs) if run.begin <= at + EARLY_S), None)
