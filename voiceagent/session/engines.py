"""The models that a process has loaded, one of each kind; all sessions use them."""

from dataclasses import dataclass

from voiceagent.engines.asr.contract import AsrEngine
from voiceagent.engines.llm.contract import LlmEngine
from voiceagent.engines.tts.contract import TtsEngine
from voiceagent.engines.turn.contract import TurnEngine
from voiceagent.engines.vad.contract import VadEngine


@dataclass(frozen=True, slots=True)
class Engines:
    """The loaded models; `turn` is None where plain silence ends a turn."""

    asr: AsrEngine
    llm: LlmEngine
    tts: TtsEngine
    vad: VadEngine
    turn: TurnEngine | None
