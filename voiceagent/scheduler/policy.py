"""Contract 2: which steps to start now, as a pure function.

Every offered batch has a deadline, and so a slack: deadline - now - predicted cost. The batch with the least slack goes
first, as long as the device has room for another step beside those running. Work that may be thrown away goes after
all work that someone waits for. It may take the last room: steps are bounded, so what comes next waits for one step at
most, while a room kept free for it would make every prepared response late.

Lanes that run on another device than the rest (a turn detector on the CPU beside models on a GPU) neither wait for room
nor take any.

`fifo` is the reference beside it: the same room, and no idea who is listening.

Knows neither clocks nor threads nor models: the same function runs live, in virtual time and under property tests.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from voiceagent.engines.contract import Batch, CostKey, Need

NEGLIGIBLE_S = 0.002
"""A step shorter than this (voice activity detection) is started at once: waiting would cost more than running."""


class Costs(Protocol):
    """Predicts step times."""

    def predict(self, key: CostKey) -> float:
        """Return the expected seconds of a step."""


class Policy(Protocol):
    """What the scheduler asks."""

    def __call__(
        self,
        now: float,
        offered: Sequence[Batch],
        running: Sequence[Batch],
        costs: Costs,
        capacity: int,
        beside: Collection[str] = (),
    ) -> list[Batch]:
        """Choose the batches to start now, most urgent first."""


def decide(
    now: float,
    offered: Sequence[Batch],
    running: Sequence[Batch],
    costs: Costs,
    capacity: int,
    beside: Collection[str] = (),
) -> list[Batch]:
    """Choose the batches to start now, most urgent first.

    `offered` and `running` hold at most one batch a lane between them; `capacity` is how many steps the device runs
    side by side without slowing each other down (cores on a CPU, 1 on a GPU); `beside` names the lanes that run on
    another device.
    """

    def urgency(batch: Batch) -> tuple[bool, float]:
        return batch.need is Need.SPECULATIVE, batch.deadline - now - costs.predict(batch.cost_key)

    return _fill(offered, running, costs, capacity, beside, urgency)


def fifo(
    now: float,
    offered: Sequence[Batch],
    running: Sequence[Batch],
    costs: Costs,
    capacity: int,
    beside: Collection[str] = (),
) -> list[Batch]:
    """Choose the batches that have waited longest, whoever listens. Takes what `decide` takes; for comparison."""
    return _fill(offered, running, costs, capacity, beside, lambda batch: batch.place)


def _fill(
    offered: Sequence[Batch],
    running: Sequence[Batch],
    costs: Costs,
    capacity: int,
    beside: Collection[str],
    urgency: Callable[[Batch], object],
) -> list[Batch]:
    """Start what needs no room, and of the rest as much as there is room for."""

    def roomy(batch: Batch) -> bool:
        return batch.lane not in beside and costs.predict(batch.cost_key) > NEGLIGIBLE_S

    room = capacity - sum(map(roomy, running))
    rest = sorted(filter(roomy, offered), key=urgency)  # type: ignore[arg-type]  # whatever it gives can be compared
    return [batch for batch in offered if not roomy(batch)] + rest[: max(0, room)]
