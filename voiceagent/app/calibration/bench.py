"""An engine on a thread of its own, as in a lane, but without a scheduler: it runs what it is given, and is timed.

A step is timed from when it is given to the engine until it returns.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Any

from voiceagent.engines.contract import CostKey, Engine, StreamFailed
from voiceagent.errors import VoiceAgentError

Rounds = Callable[[list[Any], int], Iterator[None]]
"""Given the streams and a number that grows, asks for work; at each `yield` all of it is done first."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A step that ran, on the monotonic clock."""

    key: CostKey
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its duration."""
        return self.end - self.start


class Bench:
    """An engine and its thread."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"lane-{engine.lane}")

    def load(self) -> None:
        """Load the engine. Raises what its load raises."""
        self._thread.submit(self.engine.load).result()

    def run(
        self,
        rounds: Rounds,
        *,
        streams: int = 1,
        seconds: float = 0.0,
        whole: bool = False,
        on_event: Callable[[Any], None] = lambda event: None,
    ) -> Callable[[], list[Ran]]:
        """Begin rounds with `streams` streams for `seconds`, and at least one whole round if that is wanted.

        Returns what waits for the end and gives the steps; it raises VoiceAgentError when the engine fails.
        """

        def take(event: object) -> None:
            if isinstance(event, StreamFailed):
                raise event.error
            on_event(event)

        def work() -> list[Ran]:
            opened = [self.engine.open(take) for _ in range(streams)]
            try:
                return _run(self.engine, lambda number: rounds(opened, number), monotonic() + seconds, whole)
            except Exception as error:
                raise VoiceAgentError(f"The {self.engine.lane} engine failed while it was measured: {error}") from error
            finally:
                for stream in opened:
                    stream.close()

        return self._thread.submit(work).result

    def close(self) -> None:
        """Wait for what is under way, and free the model."""
        self._thread.shutdown()
        self.engine.close()


def _run(engine: Engine, rounds: Callable[[int], Iterator[None]], until: float, whole: bool) -> list[Ran]:
    ran: list[Ran] = []
    for number in count():
        for _ in rounds(number):
            while (batch := engine.pending(monotonic())) is not None:
                start = monotonic()
                results = engine.run(batch)
                ran.append(Ran(batch.cost_key, start, monotonic()))
                engine.deliver(batch, results)
                if monotonic() > until and not whole:
                    return ran
        whole = False
        if monotonic() > until:
            break
    return ran
