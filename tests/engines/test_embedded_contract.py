"""The embedded engines against the contracts of every engine and of their kind."""

from collections.abc import Iterator

import embedded
import engine_contract as contract
import kind_contracts as kinds
import pytest

from voiceagent.engines.asr.moonshine.engine import MoonshineEngine
from voiceagent.engines.tts.hibari.engine import HibariEngine
from voiceagent.engines.turn.smart_turn.engine import SmartTurnEngine
from voiceagent.engines.vad.silero.engine import SileroEngine


def checks(*those: embedded.Check) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("check", those, ids=lambda check: check.__name__)


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
@checks(*contract.EVERY_KIND)
def test_moonshine_is_an_engine(moonshine: MoonshineEngine, check: embedded.Check) -> None:
    check(moonshine, contract.ask_asr)


@pytest.mark.models
@checks(*kinds.ASR)
def test_moonshine_is_a_recogniser(moonshine: MoonshineEngine, check: embedded.Check) -> None:
    check(moonshine)


@pytest.mark.models
@checks(*contract.EVERY_KIND)
def test_silero_is_an_engine(silero: SileroEngine, check: embedded.Check) -> None:
    check(silero, contract.ask_vad)


@pytest.mark.models
@checks(*kinds.VAD)
def test_silero_is_a_detector(silero: SileroEngine, check: embedded.Check) -> None:
    check(silero)


@pytest.mark.models
@checks(*contract.EVERY_KIND)
def test_smart_turn_is_an_engine(smart_turn: SmartTurnEngine, check: embedded.Check) -> None:
    check(smart_turn, contract.ask_turn)


@pytest.mark.models
@checks(*kinds.TURN)
def test_smart_turn_is_a_turn_detector(smart_turn: SmartTurnEngine, check: embedded.Check) -> None:
    check(smart_turn)


@checks(*contract.EVERY_KIND, *contract.EVERY_GENERATION)
def test_hibari_is_an_engine(hibari: HibariEngine, check: embedded.Check) -> None:
    check(hibari, contract.ask_tts)


@checks(*kinds.TTS)
def test_hibari_is_a_voice(hibari: HibariEngine, check: embedded.Check) -> None:
    check(hibari)
