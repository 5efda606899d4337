"""Which checks an engine must pass, and all of them at once."""

from typing import Any

from voiceagent.engines.spec import BuildContext, EngineKind, EngineSpec
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.engine_contract import kinds
from voiceagent.testing.engine_contract.every_kind import EVERY_GENERATION, EVERY_KIND, Check
from voiceagent.weights import Store

STREAMS = 4
"""The most streams that a check has open at once."""

CONTRACTS: dict[EngineKind, tuple[Check, ...]] = {
    "vad": (*EVERY_KIND, *kinds.VAD),
    "asr": (*EVERY_KIND, *kinds.ASR),
    "turn": (*EVERY_KIND, *kinds.TURN),
    "llm": (*EVERY_KIND, *EVERY_GENERATION, *kinds.LLM),
    "tts": (*EVERY_KIND, *EVERY_GENERATION, *kinds.TTS),
}


def contract(kind: EngineKind) -> tuple[Check, ...]:
    """Return the checks for engines of a kind. Each takes a loaded, idle engine, and raises AssertionError."""
    return CONTRACTS[kind]


def check_engine(engine: Any) -> None:
    """Check an engine against the contract of its kind: a loaded and idle engine, or the spec of one.

    A spec's engine is built with its default settings, loaded, and closed at the end. Raises AssertionError where the
    engine breaks the contract, and VoiceAgentError where there is none for its lane.
    """
    if isinstance(engine, EngineSpec):
        built = engine.build(engine.settings(), BuildContext(Store(), STREAMS))
        if built is None:
            raise VoiceAgentError(f"The spec {engine.kind}.{engine.name} builds no engine: there is nothing to check.")
        if built.lane != engine.kind:
            raise AssertionError(f"{engine.kind}.{engine.name} runs on the lane {built.lane!r}, not {engine.kind!r}")
        built.load()
        try:
            check_engine(built)
        finally:
            built.close()
        return
    if engine.lane not in CONTRACTS:
        raise VoiceAgentError(f"There is no contract for the lane {engine.lane!r}, only for {', '.join(CONTRACTS)}.")
    for check in contract(engine.lane):
        check(engine)
