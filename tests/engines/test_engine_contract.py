"""Every engine that needs no model files, held against the contract of its kind."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.spec import EngineKind
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.engines.turn.scripted.engine import ScriptedTurn
from voiceagent.engines.vad.scripted.engine import ScriptedVad
from voiceagent.testing.engine_contract import Check, contract

SCRIPTED = {"asr": ScriptedAsr, "llm": ScriptedLlm, "tts": ScriptedTts, "vad": ScriptedVad, "turn": ScriptedTurn}
CHECKS = [(kind, check) for kind in get_args(EngineKind) for check in contract(kind)]


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[str, Any]]:
    """One of each kind, whose steps take no time."""
    built = {kind: scripted(sleep=lambda seconds: None) for kind, scripted in SCRIPTED.items()}
    for engine in built.values():
        engine.load()
    yield built
    for engine in built.values():
        engine.close()


@pytest.mark.parametrize(("kind", "check"), CHECKS, ids=[f"{kind}-{check.__name__}" for kind, check in CHECKS])
def test_a_scripted_engine_keeps_the_contract(engines: dict[str, Any], kind: EngineKind, check: Check) -> None:
    check(engines[kind])
