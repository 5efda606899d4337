"""Contract 2: which steps to start now, as a pure function.

Every offered batch has a deadline, and so a slack: deadline - now - predicted cost. The batch with the least slack goes
first, as long as the device has room for another step beside those running. Work that may be thrown away goes after
all work that someone waits for. It may take the last room: steps are bounded, so what comes next waits for one step at
most, while a room kept free for it would make every prepared response late.

Knows neither clocks nor threads nor models: the same function runs live, in virtual time and under property tests.
"""

from collections.abc import Sequence
from typing import Protocol

from voiceagent.engines.contract import Batch, CostKey

NEGLIGIBLE_S = 0.002
"""A step shorter than this (voice activity detection) is started at once: waiting would cost more than running."""


class Costs(Protocol):
    """Predicts step times."""

    def predict(self, key: CostKey) -> float:
        """Return the expected seconds of a step."""


def decide(now: float, offered: Sequence[Batch], running: Sequence[Batch], costs: Costs, capacity: int) -> list[Batch]:
    """Choose the batches to start now, most urgent first.

    `offered` and `running` hold at most one batch a lane between them; `capacity` is how many steps the device runs
    side by side without slowing each other down (cores on a CPU).
    """
    cost = {id(batch): costs.predict(batch.cost_key) for batch in (*offered, *running)}
    start = [batch for batch in offered if cost[id(batch)] <= NEGLIGIBLE_S]
    room = capacity - sum(cost[id(batch)] > NEGLIGIBLE_S for batch in running)
    rest = [batch for batch in offered if cost[id(batch)] > NEGLIGIBLE_S]
    rest.sort(key=lambda batch: (batch.speculative, batch.deadline - now - cost[id(batch)]))
    return start + rest[: max(0, room)]
