"""The embedded engines against the contracts of their kinds."""

from collections.abc import Iterator

import embedded
import pytest

from voiceagent.engines.asr.moonshine.engine import MoonshineEngine
from voiceagent.engines.spec import EngineKind
from voiceagent.engines.tts.hibari.engine import HibariEngine
from voiceagent.engines.turn.smart_turn.engine import SmartTurnEngine
from voiceagent.engines.vad.silero.engine import SileroEngine
from voiceagent.testing.engine_contract import Check, contract


def checks(kind: EngineKind) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("check", contract(kind), ids=lambda check: check.__name__)


@pytest.fixture(scope="module")
def moonshine() -> Iterator[MoonshineEngine]:
    engine = embedded.moonshine()
    engine.load()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def silero() -> Iterator[SileroEngine]:
    engine = embedded.silero()
    engine.load()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def smart_turn() -> Iterator[SmartTurnEngine]:
    engine = embedded.smart_turn()
    engine.load()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def hibari() -> HibariEngine:
    return embedded.hibari()


@pytest.mark.models
@checks("asr")
def test_moonshine_is_a_recogniser(moonshine: MoonshineEngine, check: Check) -> None:
    check(moonshine)


@pytest.mark.models
@checks("vad")
def test_silero_is_a_detector(silero: SileroEngine, check: Check) -> None:
    check(silero)


@pytest.mark.models
@checks("turn")
def test_smart_turn_is_a_turn_detector(smart_turn: SmartTurnEngine, check: Check) -> None:
    check(smart_turn)


@checks("tts")
def test_hibari_is_a_voice(hibari: HibariEngine, check: Check) -> None:
    check(hibari)
