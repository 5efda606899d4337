"""How many callers a machine can answer in time, as admission will forecast it: a sentence for people."""

from voiceagent.app.capacity.demand import demand
from voiceagent.app.capacity.device import shared_device
from voiceagent.config.settings import Settings
from voiceagent.scheduler.admission.search import Question, max_callers
from voiceagent.scheduler.costs import CostModel, lane_of

MOST = 16
"""Larger numbers take long to compute and change no decision."""


def capacity_in_words(settings: Settings, costs: CostModel, *, has_gpu: bool) -> str:
    """Return a sentence on how many callers these costs allow. Takes seconds."""
    asked = demand(settings)
    lanes = {lane_of(work.key) for work in asked.works()}
    device = shared_device(settings, lanes, has_gpu=has_gpu)
    promise_ms = settings.scheduler.promise_ms
    number = max_callers(Question(asked, costs, device.concurrency, device.off_device, promise_ms / 1000, most=MOST))
    within = f"within {promise_ms:,} ms (scheduler.promise_ms)"
    if number == 0:
        return f"Not even one caller can be answered {within}: use smaller models, or raise scheduler.promise_ms."
    many = f"{MOST} callers or more" if number == MOST else f"{number} caller{'s' if number > 1 else ''}"
    return f"{many} can be answered {within}; server.max_sessions is {settings.server.max_sessions}."
