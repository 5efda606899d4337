"""What keeps an engine from its work: steps that hang or fail, or the process elsewhere that has its model."""

from voiceagent.app.engines import lanes_of
from voiceagent.scheduler.scheduler import Scheduler
from voiceagent.session.engines import Engines


def troubles_of(engines: Engines | None, scheduler: Scheduler | None) -> dict[str, str]:
    """Return, for each lane in trouble, what is wrong and what to do; none before everything is loaded."""
    if engines is None or scheduler is None:
        return {}
    elsewhere = {lane: getattr(engine, "trouble", None) for lane, engine in lanes_of(engines).items()}
    return {lane: trouble for lane, trouble in elsewhere.items() if trouble is not None} | scheduler.troubles()
