"""A lane: the one thread on which an engine's steps run, so that a model is never entered twice.

A step in a model's native code cannot be interrupted, only abandoned: `close` waits for it for a while and returns
whether it ended. The thread is a daemon so that a step that never ends does not keep the process alive.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from threading import Thread, get_native_id
from typing import Protocol

from voiceagent.engines.contract import Batch, Engine

INTERPRETER_TURN_S = 0.0005
"""For `sys.setswitchinterval`: how long a thread may keep the interpreter while another one wants it. A step returns to
Python several times. With the usual 5 ms a token of SmolLM2 took 19 ms while the event loop was busy for 80 % of the
time, with this 11; alone 8."""
NICENESS = 5
"""A third of the event loop's weight where there are too few cores: all packets pass through the loop, and a late
packet is heard sooner than a late step. With five callers and their clients on two cores the loop's lag (P99) was 4.7
and 3.9 ms with it, 5.1 and 7.1 without, in alternating runs."""
CLOSE_WITHIN_S = 3.0
"""Many times the length of a step, and less than the 10 s after which Docker kills a container."""


class Lane(Protocol):
    """Runs one step at a time, away from the event loop."""

    def start(self, engine: Engine, batch: Batch, done: Callable[[object, Exception | None], None]) -> None:
        """Run the step and call `done(results, error)` on the event loop."""

    def busy_s(self) -> float | None:
        """Return the processor time that its thread has had so far, in seconds; None where that is not known."""

    def stop(self) -> None:
        """Start nothing after the step under way."""

    def close(self, within_s: float | None = None) -> bool:
        """Stop and end; return False if the step under way does not end in time: its engine is then still in use."""


class ThreadLane:
    """A lane of a real device: one worker thread, started with the first work."""

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=f"lane-{name}", daemon=True)

    def start(self, engine: Engine, batch: Batch, done: Callable[[object, Exception | None], None]) -> None:
        """Run the step on the thread; `done` is called on the running event loop."""
        loop, context = asyncio.get_running_loop(), copy_context()

        def work() -> None:
            try:
                results, error = context.run(_attempt, engine, batch)
            except BaseException as panic:  # a panic in Rust code is no Exception, and this thread must survive it
                results, error = None, RuntimeError(f"{type(panic).__name__}: {panic}")
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(done, results, error)

        self._put(work)

    async def load(self, engine: Engine) -> None:
        """Load an engine on this lane's thread. Raises what its `load` raises."""
        loaded: Future[None] = Future()

        def work() -> None:
            if not loaded.set_running_or_notify_cancel():
                return
            try:
                engine.load()
            except BaseException as error:  # of any kind: the caller that awaits `load` must see it
                loaded.set_exception(error)
            else:
                loaded.set_result(None)

        self._put(work)
        await asyncio.wrap_future(loaded)

    def busy_s(self) -> float | None:
        """Return the processor time of the thread; None before the first work, and where the system does not say."""
        ident = self._thread.ident
        if ident is None or not self._thread.is_alive() or not hasattr(time, "pthread_getcpuclockid"):
            return None
        return time.clock_gettime(time.pthread_getcpuclockid(ident))

    def stop(self) -> None:
        """Let the thread end after the step under way."""
        self._work.put(None)

    def close(self, within_s: float | None = None) -> bool:
        """End the thread; return False if that takes longer than `within_s` (None: CLOSE_WITHIN_S)."""
        self.stop()
        if self._thread.ident is None:
            return True
        self._thread.join(CLOSE_WITHIN_S if within_s is None else within_s)
        return not self._thread.is_alive()

    def _put(self, work: Callable[[], None]) -> None:
        if self._thread.ident is None:
            self._thread.start()
        self._work.put(work)

    def _run(self) -> None:
        if sys.platform == "linux":  # elsewhere threads have no priority of their own
            # A process that was started nicer stays so: without rights it may not become less nice.
            os.setpriority(os.PRIO_PROCESS, get_native_id(), max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
        while (work := self._work.get()) is not None:
            work()


class VirtualLane:
    """A lane of a simulated device: a step's result comes after its predicted cost, on the loop's own clock."""

    def __init__(self, cost_s: Callable[[Batch], float]) -> None:
        self._cost_s = cost_s

    def start(self, engine: Engine, batch: Batch, done: Callable[[object, Exception | None], None]) -> None:
        """Run the step at once, and call `done` when the simulated device would have finished."""
        asyncio.get_running_loop().call_later(self._cost_s(batch), done, *_attempt(engine, batch))

    def busy_s(self) -> float | None:
        """Return None: nothing competes with a simulated device."""
        return None

    def stop(self) -> None:
        """Nothing to stop."""

    def close(self, within_s: float | None = None) -> bool:
        """Nothing to end."""
        return True


def close_all(lanes: Mapping[str, Lane]) -> list[str]:
    """End all lanes at once; return the names of those that have not ended after CLOSE_WITHIN_S."""
    for lane in lanes.values():
        lane.stop()
    until = time.monotonic() + CLOSE_WITHIN_S
    return [name for name, lane in lanes.items() if not lane.close(max(0.0, until - time.monotonic()))]


def _attempt(engine: Engine, batch: Batch) -> tuple[object, Exception | None]:
    try:
        return engine.run(batch), None
    except Exception as error:  # whatever a model throws fails its own streams only
        return None, error
