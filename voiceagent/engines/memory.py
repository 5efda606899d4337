"""What a model takes of a memory, as its spec says before it is loaded: plain data."""

from dataclasses import dataclass
from enum import StrEnum

MIB, GIB = 1 << 20, 1 << 30
DEVICE_RUNTIME = 512 * MIB
"""What a GPU's driver and libraries take for a process, beyond what models ask for: an allowance."""


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
    """What is kept for all sessions together: KV cache, recurrent states, slots."""
    workspace: int = 0
    """What computing takes, and the runtime."""
    loading: int = 0
    """What loading takes besides; engines are loaded side by side, so that all of it may be taken at once."""
    per_session: int = 0
    """The part of the caches that is one session's when it is full."""
    in_torch: bool = False
    """Whether torch allocates it: its models share one limit of the GPU's memory."""

    @property
    def total(self) -> int:
        """The most it takes at any time."""
        return self.weights + self.caches + self.workspace + self.loading
