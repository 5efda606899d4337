"""What engines have in common, for those to inherit that have nothing else to say about it."""

from collections.abc import Callable
from itertools import count

from voiceagent.engines.contract import Batch, CostKey


class EngineBase:
    """An engine's lane, the numbers of its streams, and steps that can be neither divided nor leave anything behind."""

    def __init__(self, lane: str) -> None:
        self._lane = lane
        self._wake: Callable[[], None] = lambda: None
        self._stream_ids = count()

    @property
    def lane(self) -> str:
        """Name of the lane its steps run on."""
        return self._lane

    def bind(self, wake: Callable[[], None]) -> None:
        """Take the function to call whenever new work may be pending."""
        self._wake = wake

    def wake(self) -> None:
        """There may be work."""
        self._wake()

    def shrink(self, batch: Batch, fits: Callable[[CostKey], bool]) -> Batch:
        """Return the batch: a step cannot be divided."""
        return batch

    def discard(self, batch: Batch, results: object) -> None:
        """Nothing of a step outlives it."""
