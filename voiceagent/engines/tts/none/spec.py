"""A server without a voice."""

from typing import Literal

from voiceagent.config.settings import TtsSettings
from voiceagent.engines.absent import NONE, AbsentSpec


class NoTts(TtsSettings):
    """No voice: nothing is loaded, and the doors that need one stay shut."""

    engine: Literal["none"] = "none"


SPEC = AbsentSpec("tts", NONE, NoTts)
