"""Scripted engines for conversations in virtual time: the script of each, or an engine in its place."""

from collections.abc import Callable
from typing import Any, TypedDict, Unpack

from voiceagent.engines.asr.contract import AsrEngine
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.contract import LlmEngine
from voiceagent.engines.llm.scripted.engine import Reply, ScriptedLlm
from voiceagent.engines.timing import SMALL_CPU, StepTimes
from voiceagent.engines.tts.contract import TtsEngine
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.engines.turn.contract import TurnEngine
from voiceagent.engines.turn.scripted.engine import ScriptedTurn
from voiceagent.engines.vad.contract import VadEngine
from voiceagent.engines.vad.scripted.engine import ScriptedVad
from voiceagent.session.engines import Engines
from voiceagent.testing.replies import use_tools

MOST_CALLERS = 1024


class Scripts(TypedDict, total=False):
    """The engines' scripts. An engine in place of a script must keep `voiceagent.testing.engine_contract`."""

    asr: list[str] | AsrEngine
    """The transcripts of sounds without given words (`Caller.speaks`), turn by turn, from the start again at
    its end. Words that are said (`Caller.says`) need none."""
    llm: Reply | LlmEngine
    """A function from the conversation's messages to the reply. Without one, the model calls the tools it hears named,
    and says everything else back (`use_tools`)."""
    tts: TtsEngine
    vad: VadEngine
    turn: list[float] | Callable[[int], float] | TurnEngine | None
    """Probabilities that a turn is over, one a question; None for no turn detector."""


def scripted_engines(timing: StepTimes = SMALL_CPU, **scripts: Unpack[Scripts]) -> Engines:
    """Build engines that take no time of their own; `timing` gives how many streams share a step."""
    real: dict[str, Any] = {"timing": timing, "sleep": lambda seconds: None}
    asr, llm, turn = scripts.get("asr"), scripts.get("llm", use_tools), scripts.get("turn", [0.99])
    return Engines(
        asr=ScriptedAsr(**real) if asr is None else ScriptedAsr(asr, **real) if isinstance(asr, list) else asr,
        llm=ScriptedLlm(llm, sequences=MOST_CALLERS, **real) if callable(llm) else llm,
        tts=scripts.get("tts") or ScriptedTts(**real),
        vad=scripts.get("vad") or ScriptedVad(**real),
        turn=ScriptedTurn(turn, **real) if isinstance(turn, list) or callable(turn) else turn,
    )
