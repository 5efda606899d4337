"""A lane: the one thread on which an engine's steps run, so that a model is never entered twice."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from voiceagent.engines.contract import Batch, Engine


class Lane(Protocol):
    """Runs one step at a time, away from the event loop."""

    def start(self, engine: Engine, batch: Batch, done: Callable[[object, Exception | None], None]) -> None:
        """Run the step and call `done(results, error)` on the event loop."""

    def close(self) -> None:
        """Wait for the step under way and end."""


class ThreadLane:
    """A lane of a real device: one worker thread."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"lane-{name}")

    def start(self, engine: Engine, batch: Batch, done: Callable[[object, Exception | None], None]) -> None:
        """Run the step on the thread; `done` is called on the running event loop."""
        loop = asyncio.get_running_loop()

        def work() -> None:
            results, error = _attempt(engine, batch)
            if not loop.is_closed():
                loop.call_soon_threadsafe(done, results, error)

        self._executor.submit(work)

    async def load(self, engine: Engine) -> None:
        """Load an engine on this lane's thread."""
        await asyncio.get_running_loop().run_in_executor(self._executor, engine.load)

    def close(self) -> None:
        """Wait for the step under way and end the thread."""
        self._executor.shutdown(wait=True, cancel_futures=True)


class VirtualLane:
    """A lane of an imagined device: a step's result comes after its predicted cost, on the loop's own clock."""

    def __init__(self, cost_s: Callable[[Batch], float]) -> None:
        self._cost_s = cost_s

    def start(self, engine: Engine, batch: Batch, done: Callable[[object, Exception | None], None]) -> None:
        """Run the step at once, and call `done` when the imagined device would have finished."""
        asyncio.get_running_loop().call_later(self._cost_s(batch), done, *_attempt(engine, batch))

    def close(self) -> None:
        """Nothing to end."""


def _attempt(engine: Engine, batch: Batch) -> tuple[object, Exception | None]:
    try:
        return engine.run(batch), None
    except Exception as error:  # whatever a model throws fails its own streams only
        return None, error
