"""From a step as the scheduler reports it to the record that people and metrics see."""

from voiceagent.engines.contract import Need
from voiceagent.scheduler.scheduler import Step
from voiceagent.scheduler.watchdog import StuckError
from voiceagent.trace import steps
from voiceagent.trace.steps import Failure, StepRecord

NEEDS: dict[Need, steps.NeedLabel] = {
    Need.PROMISED: "promised",
    Need.AWAITED: "awaited",
    Need.SPECULATIVE: "speculative",
    Need.BACKGROUND: "background",
}


def record(step: Step) -> StepRecord:
    """Return the record of a finished step, without its work."""
    batch = step.batch
    return StepRecord(
        batch.lane,
        batch.cost_key,
        step.start,
        step.end,
        batch.generation,
        batch.streams,
        predicted_s=step.predicted_s,
        deadline=batch.deadline,
        need=NEEDS[batch.need],
        failure=_kind(step.error),
    )


def _kind(error: Exception | None) -> Failure | None:
    match error:
        case None:
            return None
        case StuckError():
            return "hang"
        case MemoryError():
            return "memory"
    # torch.cuda's is no MemoryError, and torch may not be there to name it.
    return "memory" if type(error).__name__ == "OutOfMemoryError" else "error"
