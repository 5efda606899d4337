"""The device that the policy schedules: which lanes share it, and how many steps it runs concurrently."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import permutations

from voiceagent.app.specs import lanes_on_gpu, remote_lanes
from voiceagent.config.settings import Settings
from voiceagent.engines.machine import cores
from voiceagent.scheduler.costs import CostModel


@dataclass(frozen=True, slots=True)
class Device:
    """What the lanes that are not `off_device` share."""

    concurrency: int
    off_device: frozenset[str]
    """Lanes that neither wait for a slot on it nor take one."""


def shared_device(settings: Settings, lanes: Collection[str], costs: CostModel, *, has_gpu: bool) -> Device:
    """Return the GPU if any lane computes there, else the processor.

    A GPU runs one step at a time, unless a calibration has measured how lanes slow each other down: then the policy
    knows which of them gain by running at once.
    """
    on_gpu = lanes_on_gpu(settings, has_gpu=has_gpu)
    if not on_gpu:
        return Device(cores(), remote_lanes(settings))
    measured = any(costs.slowdown(lane, other, unknown=0.0) for lane, other in permutations(on_gpu, 2))
    return Device(len(on_gpu) if measured else 1, frozenset(lanes) - on_gpu)
