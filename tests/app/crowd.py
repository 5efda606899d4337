"""Several callers in virtual time on engines that can be broken, with what a server's operator sees of them."""

from collections.abc import Callable
from typing import Any

from voiceagent.app.engines import lanes_of
from voiceagent.engines.contract import Batch
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.session.reports import ResponseEnded
from voiceagent.testing import Caller, Callers

REAL: dict[str, Any] = {"timing": SMALL_CPU, "sleep": lambda seconds: None}
TICK_S = 0.06
"""What is heard and pulled at once: three packets."""
HANG_S = 30.0


class Crowd(Callers):
    """Callers of an agent that does not speak of its own accord, unless it greets."""

    def __init__(self, greeting: str = "", **scripts: Any) -> None:
        settings = ["session.idle_s=0", "turn.engine=smart_turn", f"session.greeting={greeting!r}"]
        super().__init__("scripted.yaml", settings, step_s=self._step_s, frame_s=TICK_S, **scripts)
        self.hangs: Callable[[Batch], bool] = lambda batch: False
        """Whether a step takes half a minute."""

    def count(self, name: str, **labels: str) -> float:
        """Return the value of a metric."""
        return self.metrics.registry.get_sample_value(f"voiceagent_{name}", labels) or 0.0

    def queued(self) -> int:
        """Return how many jobs wait in all engines together."""
        return sum(len(engine._jobs) for engine in lanes_of(self.engines).values())

    def troubles(self) -> set[str]:
        """Return the lanes that are not well."""
        return set(self.scheduler.troubles())

    def _step_s(self, batch: Batch) -> float:
        return HANG_S if self.hangs(batch) else SMALL_CPU.cost_s(batch.cost_key)


def outcomes(call: Caller) -> list[str]:
    """Return how the responses ended."""
    return [report.outcome.value for report in call.of(ResponseEnded)]
