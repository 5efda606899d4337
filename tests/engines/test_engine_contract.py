"""Every engine, held against the contract of its kind.

To add an engine, add a factory to the list of its kind (with `marks=pytest.mark.models` if it needs model files). A
factory is called once; the engine is loaded, goes through all checks, and is closed.
"""

from collections.abc import Callable, Iterator
from typing import Any

import engine_contract as contract
import kind_contracts as kinds
import pytest

from voiceagent.engines.asr.contract import AsrEngine
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.contract import LlmEngine
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.tts.contract import TtsEngine
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.engines.turn.contract import TurnEngine
from voiceagent.engines.turn.scripted.engine import ScriptedTurn
from voiceagent.engines.vad.contract import VadEngine
from voiceagent.engines.vad.scripted.engine import ScriptedVad


def at_once(seconds: float) -> None:
    """Scripted steps take no time here."""


def scripted_vad() -> VadEngine:
    return ScriptedVad(sleep=at_once)


def scripted_asr() -> AsrEngine:
    return ScriptedAsr(sleep=at_once)


def scripted_turn() -> TurnEngine:
    return ScriptedTurn(sleep=at_once)


def scripted_llm() -> LlmEngine:
    return ScriptedLlm(sleep=at_once)


def scripted_tts() -> TtsEngine:
    return ScriptedTts(sleep=at_once)


def loaded(factory: Callable[[], Any]) -> Iterator[Any]:
    engine = factory()
    engine.load()
    yield engine
    engine.close()


@pytest.fixture(scope="module", params=[scripted_vad])
def vad(request: pytest.FixtureRequest) -> Iterator[VadEngine]:
    yield from loaded(request.param)


@pytest.fixture(scope="module", params=[scripted_asr])
def asr(request: pytest.FixtureRequest) -> Iterator[AsrEngine]:
    yield from loaded(request.param)


@pytest.fixture(scope="module", params=[scripted_turn])
def turn(request: pytest.FixtureRequest) -> Iterator[TurnEngine]:
    yield from loaded(request.param)


@pytest.fixture(scope="module", params=[scripted_llm])
def llm(request: pytest.FixtureRequest) -> Iterator[LlmEngine]:
    yield from loaded(request.param)


@pytest.fixture(scope="module", params=[scripted_tts])
def tts(request: pytest.FixtureRequest) -> Iterator[TtsEngine]:
    yield from loaded(request.param)


Check = Callable[..., None]


def checks(*those: Check) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("check", those, ids=lambda check: check.__name__)


@checks(*contract.EVERY_KIND)
def test_vad_engine(vad: VadEngine, check: Check) -> None:
    check(vad, contract.ask_vad)


@checks(*kinds.VAD)
def test_vad(vad: VadEngine, check: Check) -> None:
    check(vad)


@checks(*contract.EVERY_KIND)
def test_asr_engine(asr: AsrEngine, check: Check) -> None:
    check(asr, contract.ask_asr)


@checks(*kinds.ASR)
def test_asr(asr: AsrEngine, check: Check) -> None:
    check(asr)


@checks(*contract.EVERY_KIND)
def test_turn_engine(turn: TurnEngine, check: Check) -> None:
    check(turn, contract.ask_turn)


@checks(*kinds.TURN)
def test_turn(turn: TurnEngine, check: Check) -> None:
    check(turn)


@checks(*contract.EVERY_KIND, *contract.EVERY_GENERATION)
def test_llm_engine(llm: LlmEngine, check: Check) -> None:
    check(llm, contract.ask_llm)


@checks(*kinds.LLM)
def test_llm(llm: LlmEngine, check: Check) -> None:
    check(llm)


@checks(*contract.EVERY_KIND, *contract.EVERY_GENERATION)
def test_tts_engine(tts: TtsEngine, check: Check) -> None:
    check(tts, contract.ask_tts)


@checks(*kinds.TTS)
def test_tts(tts: TtsEngine, check: Check) -> None:
    check(tts)
