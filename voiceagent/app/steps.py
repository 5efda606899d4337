"""From a step as the scheduler reports it to the record that people and metrics see."""

from voiceagent.engines.contract import Need
from voiceagent.scheduler.scheduler import Step
from voiceagent.trace.steps import StepRecord


def record(step: Step) -> StepRecord:
    """Return what is remembered of a finished step: nothing of its work."""
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
        speculative=batch.need is Need.SPECULATIVE,
        failed=step.error is not None,
    )
