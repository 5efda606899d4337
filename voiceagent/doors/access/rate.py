"""Token buckets: how much of something may come at once, and how fast it may go on."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from time import monotonic

MOST_KEYS = 10_000
"""Buckets kept at once; the one longest unused is forgotten, and would be full again by then."""


class Bucket:
    """Holds up to `burst` tokens, and gets `per_s` more each second."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    def wait_s(self, cost: float = 1.0) -> float:
        """Take `cost` tokens and return 0, or take none and return in how many seconds there will be enough."""
        self._fill()
        if self._tokens < cost:
            return (cost - self._tokens) / self._per_s
        self._tokens -= cost
        return 0.0

    def delay_s(self, cost: float = 1.0) -> float:
        """Take `cost` tokens in any case, and return how long to wait before going on: slowed, and not refused."""
        self._fill()
        self._tokens -= cost
        return max(0.0, -self._tokens / self._per_s)

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_s)
        self._at = now


class Rates:
    """A bucket for each key, such as a client's address."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        self._new = partial(Bucket, per_s, burst, clock)
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def wait_s(self, key: str, cost: float = 1.0) -> float:
        """Take `cost` tokens of a key's and return 0, or take none and return the seconds to wait."""
        return self._bucket(key).wait_s(cost)

    def delay_s(self, key: str, cost: float = 1.0) -> float:
        """Take `cost` tokens of a key's in any case, and return how long to wait before going on."""
        return self._bucket(key).delay_s(cost)

    def _bucket(self, key: str) -> Bucket:
        bucket = self._buckets.pop(key, None) or self._new()
        self._buckets[key] = bucket
        if len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        return bucket
