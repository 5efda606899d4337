"""A server without a language model."""

from typing import Literal

from voiceagent.config.settings import LlmSettings
from voiceagent.engines.absent import NONE, AbsentSpec


class NoLlm(LlmSettings):
    """No language model: nothing is loaded, and the doors that need one stay shut."""

    engine: Literal["none"] = "none"


SPEC = AbsentSpec("llm", NONE, NoLlm)
