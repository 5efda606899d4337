"""A server without a recogniser."""

from typing import Literal, Self

from pydantic import model_validator

from voiceagent.config.settings import AsrSettings
from voiceagent.engines.absent import NONE, AbsentSpec


class NoAsr(AsrSettings):
    """No recogniser: nothing is loaded, and the doors that need one stay shut."""

    engine: Literal["none"] = "none"

    @model_validator(mode="after")
    def _nothing_to_set(self) -> Self:
        for name in ("partials", "partial_interval_ms"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} has no effect where there is no recogniser")
        return self


SPEC = AbsentSpec("asr", NONE, NoAsr)
