"""The device that the policy schedules: which lanes share it, and how many steps it runs concurrently."""

from collections.abc import Collection
from dataclasses import dataclass

from voiceagent.app.specs import lanes_on_gpu, remote_lanes
from voiceagent.config.settings import Settings
from voiceagent.engines.machine import cores


@dataclass(frozen=True, slots=True)
class Device:
    """What the lanes that are not `off_device` share."""

    concurrency: int
    off_device: frozenset[str]
    """Lanes that neither wait for a slot on it nor take one."""


def shared_device(settings: Settings, lanes: Collection[str], *, has_gpu: bool) -> Device:
    """Return the GPU if any lane computes there, else the processor.

    The lanes of a GPU run side by side: each has a stream there, and what one leaves idle between two kernels others
    use. How much they slow each other down is known of a calibration, or learned in the first conversations.
    """
    on_gpu = lanes_on_gpu(settings, has_gpu=has_gpu)
    if not on_gpu:
        return Device(cores(), remote_lanes(settings))
    return Device(len(on_gpu), frozenset(lanes) - on_gpu)
