"""The scheduler: asks the engines what could run and the policy what should, and has the lanes run it.

It lives on the event loop, sleeps until an engine has work or a step ends, and knows no session.
"""

import asyncio
import logging
from asyncio import TimerHandle
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from voiceagent.engines.contract import Batch, Engine
from voiceagent.scheduler.costs import CostModel
from voiceagent.scheduler.lane import Lane
from voiceagent.scheduler.policy import Policy, Running, Start, decide
from voiceagent.scheduler.watchdog import STARVED_TIMES, StuckError, Watchdog, hang_after_s, is_starved
from voiceagent.trace.about import about, about_nobody

log = logging.getLogger(__name__)

STALL_S = 1.0
"""A timer as late as this means that the whole process was paused or starved, and that no step hangs."""

LOOK_S = 1.0
"""How long it is watched, before a step is given up, what its thread has of a processor."""


@dataclass(frozen=True, slots=True)
class Step:
    """A finished step, for observers. Times in event-loop seconds."""

    batch: Batch
    start: float
    end: float
    error: Exception | None
    predicted_s: float
    """The cost that the policy assumed."""


@dataclass(slots=True)
class Underway:
    """A running step."""

    batch: Batch
    start: float
    predicted_s: float
    overlap: dict[str, float] = field(default_factory=dict)
    """For how many seconds each other lane ran at the same time."""
    watch: TimerHandle | None = None
    """Fires when it has taken too long."""
    busy_s: float | None = None
    """The processor time of its lane when it was last looked at."""
    starved: bool = False
    """Whether it was found to take long because its thread is kept from a processor."""

    def part(self, others: Iterable["Underway"], end: float) -> None:
        """Record, when it ends, how long it and each step still running overlapped."""
        for other in others:
            together = end - max(self.start, other.start)
            for one, two in ((self, other), (other, self)):
                one.overlap[two.batch.lane] = one.overlap.get(two.batch.lane, 0.0) + together

    def described(self, now: float) -> dict[str, object]:
        """Return the fields of a log line about it."""
        took_s, predicted_s = round(now - self.start, 2), round(self.predicted_s, 3)
        return {"lane": self.batch.lane, "key": self.batch.cost_key, "seconds": took_s, "predicted_s": predicted_s}


class Scheduler:
    """Interleaves the steps of all engines."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        lanes: Mapping[str, Lane],
        concurrency: int,
        costs: CostModel | None = None,
        on_step: Callable[[Step], None] = lambda step: None,
        *,
        policy: Policy = decide,
        off_device: Collection[str] = (),
        concerns: Callable[[Batch], Mapping[str, object]] = lambda batch: {},
    ) -> None:
        self._engines = engines
        self._lanes = lanes
        self._concurrency = concurrency
        self._costs = costs or CostModel()
        self._on_step = on_step
        self._policy = policy
        self._off_device = off_device
        self._concerns = concerns
        """For whom a batch is, as fields of log lines."""
        self.watchdog = Watchdog()
        self._running: dict[str, Underway] = {}
        self._again: TimerHandle | None = None
        self._woken = False
        self._closed = False
        for engine in engines.values():
            engine.bind(self.wake)

    def wake(self) -> None:
        """Look for work at the next turn of the event loop; many calls become one look."""
        if not self._woken and not self._closed:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._dispatch, context=about_nobody())

    def troubles(self) -> dict[str, str]:
        """Return, per lane in trouble, what is wrong and what to do."""
        return {} if self._closed else self.watchdog.troubles(asyncio.get_running_loop().time())

    def close(self) -> None:
        """Start no more steps; results of those under way are dropped."""
        self._closed = True

    def _dispatch(self) -> None:
        self._woken = False
        if self._closed:
            return
        now = asyncio.get_running_loop().time()
        for lane, hang in self.watchdog.stuck.items():
            self._turn_away(self._engines[lane], now, hang.error)
        offered = [
            batch
            for lane, engine in self._engines.items()
            if lane not in self._running and (batch := self._ask(engine, now)) is not None
        ]
        # A step that hangs does not count: it may occupy its device, or not.
        running = [
            Running(step.batch, step.start + step.predicted_s)
            for lane, step in self._running.items()
            if lane not in self.watchdog.stuck
        ]
        decision = self._policy(now, offered, running, self._costs, self._concurrency, self._off_device)
        for start in decision.start:
            self._start(self._fit(start, now), now)
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if decision.again is not None:
            self._again = asyncio.get_running_loop().call_at(decision.again, self.wake)

    def _fit(self, start: Start, now: float) -> Batch:
        """Have the engine make a step smaller if it would break a promise."""
        batch, room_s = start.batch, start.by - now
        if self._costs.predict(batch.cost_key) <= room_s:
            return batch
        return self._engines[batch.lane].shrink(batch, lambda key: self._costs.predict(key) <= room_s)

    def _start(self, batch: Batch, now: float) -> None:
        step = self._running[batch.lane] = Underway(batch, now, self._costs.predict(batch.cost_key))

        def done(results: object, error: Exception | None) -> None:
            if step.watch is not None:
                step.watch.cancel()
            del self._running[batch.lane]
            if self._closed:
                return
            try:
                with about(partial(self._concerns, batch)):
                    self._finish(step, results, error)
            finally:  # a stream's callback may raise; the lane goes on
                self.wake()

        with about(partial(self._concerns, batch)):
            self._watch(step)
            self._lanes[batch.lane].start(self._engines[batch.lane], batch, done)

    def _finish(self, step: Underway, results: object, error: Exception | None) -> None:
        """Deliver the results of a step, or its failure."""
        batch, end = step.batch, asyncio.get_running_loop().time()
        engine = self._engines[batch.lane]
        aside = {*self._off_device, *self.watchdog.stuck}  # a step that hangs may not slow the others down
        if batch.lane not in aside:
            step.part([other for lane, other in self._running.items() if lane not in aside], end)
        if error is None:
            self._costs.observe(batch.cost_key, end - step.start, step.overlap)
            self.watchdog.succeeded(batch.lane)
        else:
            log.error("engine failed", exc_info=error, extra={"lane": batch.lane, "key": batch.cost_key})
            self.watchdog.failed(batch.lane, end)
        if self.watchdog.returned(batch.lane):
            log.warning("lane has recovered", extra=step.described(end))
            if error is None:
                engine.discard(batch, results)
            return
        if error is None:
            engine.deliver(batch, results)
        else:
            engine.fail(batch, error)
        self._on_step(Step(batch, step.start, end, error, step.predicted_s))

    def _watch(self, step: Underway) -> None:
        loop, look_after = asyncio.get_running_loop(), hang_after_s(step.predicted_s) - LOOK_S
        step.watch = loop.call_later(look_after, self._look, step, loop.time() + look_after)

    def _look(self, step: Underway, due: float) -> None:
        """Note what the step's thread has had of a processor, shortly before the step is given up."""
        loop = asyncio.get_running_loop()
        if loop.time() - due > STALL_S:
            self._watch(step)
            return
        step.busy_s = self._lanes[step.batch.lane].busy_s()
        step.watch = loop.call_later(LOOK_S, self._give_up, step, loop.time() + LOOK_S)

    def _give_up(self, step: Underway, due: float) -> None:
        """Fail the streams of a step that hangs; its lane does nothing until it returns."""
        batch, now = step.batch, asyncio.get_running_loop().time()
        if self._closed:
            return
        if now - due > STALL_S:
            self._watch(step)
            return
        if self._waits_for_processor(step, now, LOOK_S + now - due):
            if not step.starved:
                step.starved = True
                log.warning("lane is starved: others have the processor", extra=step.described(now))
            self._look(step, now)
            return
        error = self.watchdog.hang(batch.lane, batch.cost_key, step.start, now, step.predicted_s)
        log.error("lane is stuck", extra=step.described(now))
        try:
            self._engines[batch.lane].fail(batch, error)
            self._on_step(Step(batch, step.start, now, error, step.predicted_s))
        finally:
            self.wake()

    def _waits_for_processor(self, step: Underway, now: float, looked_s: float) -> bool:
        """Return whether a step takes long because its thread is kept from a processor, by the `looked_s` seconds since
        it was looked at; not for ever."""
        busy_s = self._lanes[step.batch.lane].busy_s()
        if step.busy_s is None or busy_s is None or now - step.start >= STARVED_TIMES * hang_after_s(step.predicted_s):
            return False
        return is_starved(busy_s - step.busy_s, looked_s)

    def _turn_away(self, engine: Engine, now: float, error: StuckError) -> None:
        """Fail the work of a stuck lane, a batch at a time: a stream that fails may ask for other work."""
        if (batch := self._ask(engine, now)) is not None:
            self.wake()
            engine.fail(batch, error)

    def _ask(self, engine: Engine, now: float) -> Batch | None:
        try:
            return engine.pending(now)
        except Exception as error:  # only this lane is at fault
            log.error("engine failed to offer a step", exc_info=error, extra={"lane": engine.lane})
            self.watchdog.failed(engine.lane, now)
            return None
