"""A step of the voice as it is offered to the scheduler: the task, and the segments that it is for."""

from dataclasses import dataclass

import numpy as np

from voiceagent.engines.contract import Batch, CostKey
from voiceagent.engines.tts.magpie.decode_loop import Row
from voiceagent.engines.tts.magpie.segment import Segment
from voiceagent.engines.tts.magpie.speaker import Sound, Task


@dataclass(frozen=True, slots=True)
class TaskWork:
    """One step: the rows and places to free first, then the task, for these segments."""

    rows: tuple[Row, ...]
    places: tuple[int, ...]
    segments: tuple[Segment, ...]
    task: Task
    now: float
    """When it was offered."""
    sounding: tuple[Segment, ...] = ()
    """Those of a decoding step whose earlier frames are turned into sound meanwhile."""


def work_of(batch: Batch) -> TaskWork:
    """Return what was offered."""
    assert isinstance(batch.work, TaskWork)
    return batch.work


def sound_of(segments: tuple[Segment, ...], size: int) -> Sound:
    """Return the task that turns the next `size` frames of segments with a place into sound."""
    return Sound(
        tuple(s.place for s in segments if s.place is not None),
        tuple(np.stack(s.frames[:size]) for s in segments),
    )


def sound_key(rows: int, frames: int) -> CostKey:
    """Return what a step of sound costs by."""
    return "tts.sound", rows * frames
