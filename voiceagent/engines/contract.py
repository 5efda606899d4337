"""Contract 1: an engine offers steps and runs the ones the scheduler chooses.

An engine is one loaded model with the state of all its streams. It never blocks, never sleeps and never decides when to
run: the scheduler asks `pending`, decides, and calls `run` on the engine's lane. `deliver` hands the results to the
streams' owners, back on the event loop.

An engine knows neither sessions nor listeners: a stream has a callback, and that is all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

CostKey = tuple[str, int]
"""What a step's cost depends on: its kind and its size, for example `("tts.decode", 4)`."""

HOLD = float("inf")
"""The deadline of work that is on hold: an engine does not offer it."""

PRESSING_S = 0.1
"""Within a lane, promised work runs before awaited work when its deadline is this near. Deadlines include a margin for
the step that may be under way then; between lanes, the policy derives it from the costs."""

PATIENCE_S = 5.0
"""A step in the background that has waited for this long counts as awaited: so that work goes on, if slowly."""


class Need(IntEnum):
    """How a delay is heard. It decides what the deadline means."""

    PROMISED = 0
    """Unnoticed if done by its deadline, heard as a gap if not: audio of an answer under way."""
    AWAITED = 1
    """A caller has been waiting in silence since the deadline: an answer's first words."""
    SPECULATIVE = 2
    """No caller waits yet, and the work may be discarded: the turn may not be over."""
    BACKGROUND = 3
    """A program has been waiting since the deadline, and no caller: it gets the time that remains (`claim`)."""


def claim(need: Need, deadline: float, now: float) -> tuple[Need, float]:
    """Return how urgent work counts: background work that has waited for PATIENCE_S is awaited since just now."""
    if need is Need.BACKGROUND and now - deadline >= PATIENCE_S:
        return Need.AWAITED, now
    return need, deadline


def order(need: Need, deadline: float, now: float) -> tuple[int, float]:
    """Return a sort key for work within a lane, least first: pressing promises, awaited work by how long it has waited,
    other promises, speculative work, work in the background."""
    need, deadline = claim(need, deadline, now)
    if need is Need.PROMISED:
        return (0 if deadline - now <= PRESSING_S else 2, deadline)
    return ({Need.AWAITED: 1, Need.SPECULATIVE: 3, Need.BACKGROUND: 4}[need], deadline)


@dataclass(frozen=True, slots=True)
class Batch:
    """One bounded piece of device work over one or more streams."""

    lane: str
    cost_key: CostKey
    deadline: float
    """Event-loop time in seconds; `need` says what happens then."""
    streams: tuple[int, ...]
    work: object
    """What the engine needs to run it; opaque to everything else."""
    need: Need = Need.AWAITED
    generation: int | None = None
    """The response this work is for, if it is for exactly one."""
    place: int = 0
    """Its arrival order among all waiting work, across engines: all that a FIFO policy uses."""
    expected_joiners: int = 0
    """Streams that will soon have the same work; waiting for them makes one step of two."""


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """A step of this stream failed; the stream is usable again, the work `tag` is lost."""

    tag: int
    """Generation (LLM, TTS) or fork (ASR, turn) of the lost work; -1 if there is none."""
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
        """Return a smaller part of a batch just offered whose cost fits, or the smallest. On the event loop."""

    def run(self, batch: Batch) -> object:
        """Run one step. On the lane's thread; the only method that may touch the device."""

    def deliver(self, batch: Batch, results: object) -> None:
        """Hand the results of `run` to the streams. On the event loop; results of cancelled work are dropped here."""

    def fail(self, batch: Batch, error: Exception) -> None:
        """Drop the work in `batch` and notify its streams: the step raised, hangs or will never run. On the event loop.

        A step that hangs still goes on; no other step starts before it has ended.
        """

    def discard(self, batch: Batch, results: object) -> None:
        """Take back the results of a step that hung and was failed; no stream is notified. On the event loop."""

    def close(self) -> None:
        """Free the model."""
