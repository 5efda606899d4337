"""The scheduler: asks the engines what could run, the policy what shall run, and the lanes to run it.

It lives on the event loop, sleeps until an engine has work or a step ends, and knows no session.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from voiceagent.engines.contract import Batch, Engine
from voiceagent.scheduler.costs import CostModel
from voiceagent.scheduler.lane import Lane
from voiceagent.scheduler.policy import Policy, decide

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """A finished step, for those who watch. Times in event-loop seconds."""

    batch: Batch
    start: float
    end: float
    error: Exception | None
    predicted_s: float
    """What the policy took it to cost."""


class Scheduler:
    """Interleaves the steps of all engines."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        lanes: Mapping[str, Lane],
        capacity: int,
        costs: CostModel | None = None,
        on_step: Callable[[Step], None] = lambda step: None,
        *,
        policy: Policy = decide,
        beside: Collection[str] = (),
    ) -> None:
        self._engines = engines
        self._lanes = lanes
        self._capacity = capacity
        self._costs = costs or CostModel()
        self._on_step = on_step
        self._policy = policy
        self._beside = beside
        self._running: dict[str, Batch] = {}
        self._woken = False
        self._closed = False
        for engine in engines.values():
            engine.bind(self.wake)

    def wake(self) -> None:
        """Look for work at the next turn of the event loop; many calls become one look."""
        if not self._woken and not self._closed:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def close(self) -> None:
        """Start nothing any more; steps under way end unheard."""
        self._closed = True

    def _dispatch(self) -> None:
        self._woken = False
        if self._closed:
            return
        now = asyncio.get_running_loop().time()
        offered = [
            batch
            for lane, engine in self._engines.items()
            if lane not in self._running and (batch := engine.pending(now)) is not None
        ]
        running = list(self._running.values())
        for batch in self._policy(now, offered, running, self._costs, self._capacity, self._beside):
            self._start(batch, now)

    def _start(self, batch: Batch, now: float) -> None:
        engine = self._engines[batch.lane]
        self._running[batch.lane] = batch
        predicted_s = self._costs.predict(batch.cost_key)

        def done(results: object, error: Exception | None) -> None:
            del self._running[batch.lane]
            if self._closed:
                return
            end = asyncio.get_running_loop().time()
            try:
                if error is None:
                    self._costs.observe(batch.cost_key, end - now)
                    engine.deliver(batch, results)
                else:
                    log.error("engine failed", exc_info=error, extra={"lane": batch.lane, "key": batch.cost_key})
                    engine.fail(batch, error)
                self._on_step(Step(batch, now, end, error, predicted_s))
            finally:  # whoever was told may raise; the lane goes on
                self.wake()

        self._lanes[batch.lane].start(engine, batch, done)
