"""Contract 1: an engine offers steps, and runs the ones it is given.

An engine is one loaded model with the state of all its streams. It never blocks, never sleeps and never
decides when to run: the scheduler asks `pending`, decides, and calls `run` on the engine's lane. What came
out is handed to the streams' owners by `deliver`, back on the event loop.

An engine does not know what a session is, nor who listens: a stream has a callback, and that is all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

CostKey = tuple[str, int]
"""What a step's cost depends on: its kind and its size, for example `("tts.decode", 4)`."""

HOLD = float("inf")
"""The deadline of work that nobody waits for yet: an engine does not offer it."""

PRESSING_S = 0.1
"""In a lane, what is promised goes before what is awaited when its deadline is this near. Deadlines keep a margin for
the step that may be under way then; between lanes, the policy takes it from the costs."""


class Need(IntEnum):
    """How a delay is heard. It decides what the deadline means."""

    PROMISED = 0
    """Unnoticed if done by its deadline, heard as a gap if not: audio of an answer under way."""
    AWAITED = 1
    """A caller has been waiting in silence since the deadline: an answer's first words."""
    SPECULATIVE = 2
    """Nobody waits yet, and it may be thrown away: the turn may not be over."""


def order(need: Need, deadline: float, now: float) -> tuple[int, float]:
    """Rank work among work of its kind, the least first: promises that press, who has waited longest, the other
    promises, and what may be in vain."""
    if need is Need.PROMISED:
        return (0 if deadline - now <= PRESSING_S else 2, deadline)
    return (1 if need is Need.AWAITED else 3, deadline)


@dataclass(frozen=True, slots=True)
class Batch:
    """One bounded piece of device work over one or more streams."""

    lane: str
    cost_key: CostKey
    deadline: float
    """Event-loop time in seconds; what happens then is said by `need`."""
    streams: tuple[int, ...]
    work: object
    """What the engine needs to run it; nobody else looks inside."""
    need: Need = Need.AWAITED
    generation: int | None = None
    """The response this work is for, where it is for exactly one."""
    place: int = 0
    """Its place in the line of everything that waits, counted across engines: all that a FIFO policy goes by."""
    expected_joiners: int = 0
    """Streams that will soon have the same work; waiting for them makes one step of two."""


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """A step of this stream raised; the stream is usable again, the work `tag` is lost."""

    tag: int
    """Generation (LLM, TTS) or fork (ASR, turn) of the lost work; -1 where there is none."""
    error: Exception


class Engine(Protocol):
    """The surface the scheduler sees; each kind of engine adds `open` for its own streams."""

    @property
    def lane(self) -> str:
        """Name of the lane its steps run on: asr, llm, tts, vad or turn."""

    def bind(self, wake: Callable[[], None]) -> None:
        """Take the function to call (on the event loop) whenever new work may be pending."""

    def load(self) -> None:
        """Load and warm up, blocking, on the lane's thread. Raises VoiceAgentError with the remedy."""

    def pending(self, now: float) -> Batch | None:
        """Return the most urgent step, or None. On the event loop; no device work."""

    def shrink(self, batch: Batch, fits: Callable[[CostKey], bool]) -> Batch:
        """Return less of a batch just offered, so that its cost fits, or as little as can be. On the event loop."""

    def run(self, batch: Batch) -> object:
        """Run one step. On the lane's thread; the only method that may touch the device."""

    def deliver(self, batch: Batch, results: object) -> None:
        """Hand out what `run` returned. On the event loop; results of cancelled work are dropped here."""

    def fail(self, batch: Batch, error: Exception) -> None:
        """Drop the work in `batch` and tell its streams: the step raised, hangs, or will never run. On the event loop.

        A step that hangs goes on all the same; no other begins before it has ended.
        """

    def discard(self, batch: Batch, results: object) -> None:
        """Take note of what a step gave that had failed, because it hung; nobody is told. On the event loop."""

    def close(self) -> None:
        """Free the model."""
