"""The form of a calibration: what was measured, with what, on which device. Plain data; knows no file and no engine."""

from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from voiceagent.scheduler.costs import CostModel

FORM: Final = 1
"""Raised when the meaning of the file changes: older ones are measured again."""
EIGHTHS = tuple(number / 8 for number in range(9))
"""The quantiles that are kept: enough to start a cost model from, and to read."""

Setting = bool | int | float | str | None
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measured(_Part):
    """The steps of one kind and size."""

    steps: int = Field(ge=1)
    """How many were measured."""
    eighths_ms: tuple[NonNegative, ...] = Field(min_length=len(EIGHTHS), max_length=len(EIGHTHS))
    """Durations in ms: the fastest step, then the quantiles by eighths, and the slowest."""

    @classmethod
    def of(cls, seconds: list[float]) -> Self:
        """Summarise the durations of some steps."""
        ordered = sorted(seconds)
        eighths = (ordered[int(q * (len(ordered) - 1))] for q in EIGHTHS)
        return cls(steps=len(seconds), eighths_ms=tuple(round(second * 1000, 4) for second in eighths))

    @property
    def seconds(self) -> list[float]:
        """Steps that stand for those measured."""
        return [ms / 1000 for ms in self.eighths_ms]


class Calibration(_Part):
    """The costs of one configuration."""

    settings: dict[str, dict[str, Setting]]
    """The settings that costs depend on, by section."""
    versions: dict[str, str]
    """Versions of voiceagent, and of the packages that these settings compute with."""
    machine: dict[str, str | int]
    """Further details, for people."""
    measured_on: date
    costs: dict[str, dict[int, Measured]]
    """By kind and size, alone."""
    slowdowns: dict[str, dict[str, NonNegative]]
    """How many times longer a lane's steps take while another runs all the time: {lane: {other lane: factor}}."""

    def cost_model(self) -> CostModel:
        """Return a cost model that begins with this."""
        seed = {(kind, size): one.seconds for kind, sizes in self.costs.items() for size, one in sizes.items()}
        pairs = {(lane, other): factor for lane, others in self.slowdowns.items() for other, factor in others.items()}
        return CostModel(seed, pairs)


class Calibrations(_Part):
    """Everything known of one device: a calibration for each configuration."""

    form: Literal[1] = FORM
    device: str
    calibrations: tuple[Calibration, ...]
