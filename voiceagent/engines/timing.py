"""How long scripted steps take: slept through when live, charged to a virtual clock in a simulation."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np

from voiceagent.engines.contract import CostKey


class StepTimes(Protocol):
    """Gives scripted engines and simulated lanes their step times and batch sizes."""

    def cost_s(self, cost_key: CostKey) -> float:
        """Return the seconds a step with this key takes. Raises KeyError for a name that is not scripted."""

    def batch_limit(self, kind: str) -> int:
        """Return how many streams a step of this kind takes at most."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that one step of any size takes, by the name in its cost key: `asr.final` is `asr_final_s`.

    The defaults are those of small models on two CPU cores, rounded.
    """

    asr_partial_s: float = 0.05
    asr_final_s: float = 0.1
    llm_prefill_s: float = 0.06
    llm_decode_s: float = 0.015
    tts_segment_s: float = 0.03
    turn_predict_s: float = 0.06
    vad_frame_s: float = 0.0003

    def cost_s(self, cost_key: CostKey) -> float:
        """Return the seconds a step with this key takes. Raises KeyError for a name that is not scripted."""
        seconds: float = getattr(self, _FIELDS[cost_key[0]])
        return seconds

    def batch_limit(self, kind: str) -> int:
        """Return 1: the small models work on one job at a time."""
        return 1


_FIELDS = {field.name.removesuffix("_s").replace("_", "."): field.name for field in fields(Timing)}


@dataclass(frozen=True, slots=True)
class CostTable:
    """Seconds that a step takes, by its kind and number of streams, for a device that works in batches.

    `steps` has `{kind: {streams: seconds}}`; sizes between two known ones are interpolated, and a step takes at most
    the largest known number of streams.
    """

    steps: Mapping[str, Mapping[int, float]]

    def cost_s(self, cost_key: CostKey) -> float:
        """Return the seconds a step with this key takes. Raises KeyError for a kind that the table lacks."""
        kind, streams = cost_key
        known = sorted(self.steps[kind].items())
        return float(np.interp(streams, [size for size, _ in known], [seconds for _, seconds in known]))

    def batch_limit(self, kind: str) -> int:
        """Return the largest number of streams for which the table has a time."""
        return max(self.steps[kind])


SMALL_CPU = Timing()
