"""How much memory a model takes, as its spec states before it is loaded: plain data."""

from dataclasses import dataclass
from enum import StrEnum

MIB, GIB = 1 << 20, 1 << 30
DEVICE_RUNTIME = 512 * MIB
"""What a GPU's driver and libraries take for a process, on top of the models: an allowance."""


class Place(StrEnum):
    """A memory."""

    MAIN = "main memory"
    GPU = "GPU memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """Bytes that one engine takes in one place."""

    engine: str
    model: str
    place: Place = Place.MAIN
    weights: int = 0
    caches: int = 0
    """State of all sessions together: KV cache, recurrent states, slots."""
    workspace: int = 0
    """What computation and the runtime take."""
    loading: int = 0
    """What loading takes in addition; engines load in parallel, so it may all be taken at once."""
    per_session: int = 0
    """The part of the caches that one full session takes."""
    in_torch: bool = False
    """Whether torch allocates it: its models share one limit of the GPU's memory."""

    @property
    def total(self) -> int:
        """The most it takes at any time."""
        return self.weights + self.caches + self.workspace + self.loading
