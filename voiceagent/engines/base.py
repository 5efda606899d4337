"""What engines have in common: defaults to inherit."""

from collections.abc import Callable
from itertools import count

from voiceagent.engines.contract import Batch, CostKey


class EngineBase:
    """An engine's lane, the numbers of its streams, and steps that cannot be divided and leave nothing behind."""

    def __init__(self, lane: str) -> None:
        self._lane = lane
        self._wake: Callable[[], None] = lambda: None
        self._stream_ids = count()

    @property
    def languages(self) -> tuple[str, ...]:
        """What a recogniser hears or a voice speaks, in ISO 639-1; none where the language makes no difference."""
        return ()

    @property
    def lane(self) -> str:
        """Name of the lane its steps run on."""
        return self._lane

    def bind(self, wake: Callable[[], None]) -> None:
        """Take the function to call whenever new work may be pending."""
        self._wake = wake

    def wake(self) -> None:
        """Report that there may be work."""
        self._wake()

    def shrink(self, batch: Batch, fits: Callable[[CostKey], bool]) -> Batch:
        """Return the batch: a step cannot be divided."""
        return batch

    def discard(self, batch: Batch, results: object) -> None:
        """Do nothing: a step leaves nothing behind."""
