"""What a step costs, learned from past steps, and how much two lanes that run at once slow each other down.

A cost is what a step takes while no other lane runs. Once the cost of a step is known, one that overlaps another lane's
step shows how much that lane slows its own; until then it serves as an estimate of the cost. A size that has never run
is interpolated from known sizes of its kind; a kind that has never run costs a cautious default.

Steps that seldom run alone do not update the cost, and other causes of delay (the event loop, other processes, heat)
have no lane. `slowness` covers these: how many times as long as predicted recent steps have taken.

Knows keys and seconds only. The lane of a step is the first part of its key: `llm` of `("llm.step", 4)`.
"""

from bisect import bisect, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp, prod

from voiceagent.engines.contract import CostKey
from voiceagent.scheduler.window import ENOUGH, Window

UNKNOWN_S = 0.02
"""The bound that steps aim at (`engines/contract.py`), assumed for kinds never seen."""
UPPER, TYPICAL, LEAST = 0.75, 0.5, 0.1
"""The quantiles used for a prediction, for a slow-down, and for a step that nothing held up."""
ALONE = 0.1
"""A lane that overlapped a step for a smaller share of its time is ignored."""
THROUGHOUT = 0.8
"""A lane that overlapped a step for this share of its time shows how much it slows it down."""
SLOWNESS_S = 5.0
"""How many seconds of steps `slowness` looks back on: ten seconds of a busy server, minutes of a quiet one."""
DOUBT_S = 1.0
"""Start with this many seconds of steps that ran as predicted: the first few prove nothing."""
STRAGGLER = 10.0
"""A step counts for at most this many times its prediction: one that hung says nothing about others or the future."""
SHORT_S = 0.002
"""A step shorter than this mostly waits for its thread's turn, and would distort `slowness`."""


class CostModel:
    """Step times by cost key, in seconds, and slow-downs between lanes.

    `seed` holds step times measured elsewhere or earlier, `slowdowns` factors by (lane, other lane): a handful of live
    steps overrules both.
    """

    def __init__(
        self,
        seed: Mapping[CostKey, Sequence[float]] | None = None,
        slowdowns: Mapping[tuple[str, str], float] | None = None,
    ) -> None:
        self._windows: dict[CostKey, Window] = {}
        self._sizes: dict[str, list[int]] = {}
        """The known sizes of each kind, in order."""
        self._steps_alone: Counter[CostKey] = Counter()
        for key, steps in (seed or {}).items():
            self._steps_alone[key] = len(steps)
            self._keep(key, Window(steps))
        self._slowdowns = {pair: Window([factor] * ENOUGH) for pair, factor in (slowdowns or {}).items()}
        self._taken_s = self._predicted_s = DOUBT_S
        """What recent steps took, and what was predicted; both fade."""

    def observe(self, key: CostKey, seconds: float, overlap: Mapping[str, float] | None = None) -> None:
        """Learn from one finished step; `overlap` gives the seconds for which each other lane ran at the same time.

        Leave out lanes on another device.
        """
        shares = {lane: min(1.0, s / seconds) for lane, s in (overlap or {}).items() if s > ALONE * seconds > 0}
        if self._steps_alone[key] >= ENOUGH:
            self._compare(key, seconds, shares)
        if not shares:
            self._steps_alone[key] += 1
            self._window(key).add(seconds)
        elif self._steps_alone[key] >= ENOUGH:
            self._learn_slowdown(key, seconds, shares)
        else:
            self._window(key).add(seconds * self._undisturbed(lane_of(key), shares))

    def predict(self, key: CostKey) -> float:
        """Return the seconds within which three of four steps of this kind and size end when they run alone."""
        return self.quantile(key, UPPER)

    def least(self, key: CostKey) -> float:
        """Return the seconds of such a step when nothing holds it up: its device time without waiting."""
        return self.quantile(key, LEAST)

    def quantile(self, key: CostKey, q: float) -> float:
        """Return the seconds within which a share `q` of such steps end when they run alone.

        Linear between two known sizes; the smallest size's time below it; beyond the largest, extrapolated, but never
        faster than in proportion to the size, and in proportion where only one size is known.
        """
        if (window := self._windows.get(key)) is not None:
            return window.quantile(q)
        kind, size = key
        sizes = self._sizes.get(kind, [])
        if not sizes:
            return UNKNOWN_S
        place = bisect(sizes, size)
        upper_size = sizes[min(place, len(sizes) - 1)]
        upper = self._windows[kind, upper_size].quantile(q)
        if place == 0:
            return upper
        if place < len(sizes):
            lower = self._windows[kind, sizes[place - 1]].quantile(q)
            return lower + (upper - lower) * (size - sizes[place - 1]) / (upper_size - sizes[place - 1])
        most = slope = upper / max(1, upper_size)
        if len(sizes) > 1:
            slope = (upper - self._windows[kind, sizes[0]].quantile(q)) / (upper_size - sizes[0])
        return upper + min(most, max(0.0, slope)) * (size - upper_size)

    def knows(self, kind: str) -> bool:
        """Return whether any step of this kind has been seen."""
        return kind in self._sizes

    @property
    def slowness(self) -> float:
        """How many times as long as predicted recent steps have taken; at least 1."""
        return max(1.0, self._taken_s / self._predicted_s)

    def copy(self, times: float = 1.0) -> "CostModel":
        """Return an independent copy, with all step times multiplied by `times`.

        Takes some microseconds per cost key.
        """
        other = CostModel()
        other._windows = {key: window.copy(times) for key, window in self._windows.items()}
        other._sizes = {kind: list(sizes) for kind, sizes in self._sizes.items()}
        other._steps_alone = self._steps_alone.copy()
        other._slowdowns = {pair: window.copy() for pair, window in self._slowdowns.items()}
        return other

    def slowdown(self, lane: str, other: str, unknown: float = 1.0) -> float:
        """Return how many times longer a step of `lane` takes while `other` runs all the time; at least 1 if known."""
        window = self._slowdowns.get((lane, other))
        return unknown if window is None or len(window) < ENOUGH else max(1.0, window.quantile(TYPICAL))

    def _window(self, key: CostKey) -> Window:
        window = self._windows.get(key)
        return self._keep(key, Window()) if window is None else window

    def _keep(self, key: CostKey, window: Window) -> Window:
        self._windows[key] = window
        insort(self._sizes.setdefault(key[0], []), key[1])
        return window

    def _compare(self, key: CostKey, seconds: float, shares: Mapping[str, float]) -> None:
        """Compare what a step took with the prediction, corrected for the lanes that overlapped it."""
        predicted_s = self._windows[key].mean / self._undisturbed(lane_of(key), shares)
        if predicted_s > SHORT_S:
            fade = exp(-predicted_s / SLOWNESS_S)
            self._taken_s = fade * self._taken_s + min(seconds, STRAGGLER * predicted_s)
            self._predicted_s = fade * self._predicted_s + predicted_s

    def _learn_slowdown(self, key: CostKey, seconds: float, shares: Mapping[str, float]) -> None:
        """Compare a step with what it takes alone, if one other lane ran nearly all the time."""
        (other, share), *more = shares.items()
        undisturbed_s = seconds * (1 - share)
        left_s = self._windows[key].quantile(TYPICAL) - undisturbed_s
        if not more and share >= THROUGHOUT and left_s > 0:
            window = self._slowdowns.setdefault((lane_of(key), other), Window())
            window.add((seconds - undisturbed_s) / left_s)

    def _undisturbed(self, lane: str, shares: Mapping[str, float]) -> float:
        """Return the part of its time that a step would have taken alone."""
        return prod(1 - share * (1 - 1 / self.slowdown(lane, other)) for other, share in shares.items())


def lane_of(key: CostKey) -> str:
    """Return the lane that runs steps with this key."""
    return key[0].partition(".")[0]
