"""What a step costs, learned from the steps that were run.

Knows keys and seconds only. A key that has never run is predicted from the nearest size of the same kind, or, with
none, by a cautious default.
"""

from collections import deque
from statistics import quantiles

from voiceagent.engines.contract import CostKey

HISTORY = 64
"""Steps remembered per key: enough for a stable quantile, few enough to follow a change of clocks within seconds."""
UNKNOWN_S = 0.02
"""The bound that steps aim at (DESIGN, contract 1), taken for steps never seen."""


class CostModel:
    """Upper-quartile step times per cost key, in seconds."""

    def __init__(self, seed: dict[CostKey, float] | None = None) -> None:
        self._seen: dict[CostKey, deque[float]] = {
            key: deque([seconds], HISTORY) for key, seconds in (seed or {}).items()
        }
        self._predicted: dict[CostKey, float] = dict(seed or {})

    def observe(self, key: CostKey, seconds: float) -> None:
        """Learn from one finished step."""
        seen = self._seen.setdefault(key, deque(maxlen=HISTORY))
        seen.append(seconds)
        self._predicted[key] = quantiles(seen, n=4)[2] if len(seen) > 1 else seconds

    def predict(self, key: CostKey) -> float:
        """Return the seconds a step of this kind and size is expected to take at most, three times of four."""
        if (known := self._predicted.get(key)) is not None:
            return known
        kind, size = key
        sizes = [other for other_kind, other in self._predicted if other_kind == kind]
        if not sizes:
            return UNKNOWN_S
        return self._predicted[(kind, min(sizes, key=lambda other: abs(other - size)))]
