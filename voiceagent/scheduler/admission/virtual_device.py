"""A simulated device whose lanes slow each other down while their steps overlap. Virtual time."""

import asyncio
from asyncio import TimerHandle
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from voiceagent.engines.contract import Batch, Engine
from voiceagent.scheduler.costs import CostModel


@dataclass(slots=True)
class Underway:
    """A running step."""

    left_s: float
    """The time left if it ran alone."""
    done: Callable[[], None]
    slowed: float = 0.0
    """How many times longer it takes at present; 0 before that is known."""
    end: TimerHandle | None = None


class VirtualDevice:
    """The lane of every engine: a step takes `alone_s`, times the costs' slow-down while others run.

    Lanes in `off_device` run on another device: no lane slows them, and they slow no other.
    """

    def __init__(self, costs: CostModel, alone_s: Callable[[Batch], float], off_device: Collection[str]) -> None:
        self._costs = costs
        self._alone_s = alone_s
        self._off_device = off_device
        self._running: dict[str, Underway] = {}
        self._settled_at = 0.0

    def start(self, engine: Engine, batch: Batch, done: Callable[[object, Exception | None], None]) -> None:
        """Run the step at once, and call `done` when the device would have finished."""
        self._settle()
        self._running[batch.lane] = Underway(self._alone_s(batch), partial(done, engine.run(batch), None))
        self._plan()

    def busy_s(self) -> float | None:
        """Return None: what slows a step down is computed."""
        return None

    def stop(self) -> None:
        """Nothing to stop."""

    def close(self, within_s: float | None = None) -> bool:
        """Nothing to end."""
        return True

    def _finish(self, lane: str) -> None:
        self._settle()
        step = self._running.pop(lane)
        self._plan()
        step.done()

    def _settle(self) -> None:
        """Record the progress of the running steps since a step last began or ended."""
        now = asyncio.get_running_loop().time()
        for step in self._running.values():
            step.left_s -= (now - self._settled_at) / step.slowed
        self._settled_at = now

    def _plan(self) -> None:
        """Reschedule the ends of steps whose slow-down has changed."""
        for lane, step in self._running.items():
            slowed = self._slowed(lane)
            if slowed != step.slowed:
                step.slowed = slowed
                if step.end is not None:
                    step.end.cancel()
                delay_s = max(0.0, step.left_s) * slowed
                step.end = asyncio.get_running_loop().call_later(delay_s, self._finish, lane)

    def _slowed(self, lane: str) -> float:
        if lane in self._off_device:
            return 1.0
        others = (other for other in self._running if other != lane and other not in self._off_device)
        return max((self._costs.slowdown(lane, other) for other in others), default=1.0)
