"""The llama.cpp engine against the contracts of every engine and of every language model, with both kinds of memory."""

from collections.abc import Callable, Iterator

import engine_contract as contract
import kind_contracts as kinds
import pytest
from llama_talk import loaded, tiny

from voiceagent.engines.llm.llama.engine import LlamaEngine

Check = Callable[..., None]


@pytest.fixture(scope="module", params=["plain", "hybrid"])
def llm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaEngine]:
    engine = loaded(tiny(tmp_path_factory.mktemp("model"), request.param))
    yield engine
    engine.close()


@pytest.mark.parametrize("check", contract.EVERY_KIND + contract.EVERY_GENERATION, ids=lambda check: check.__name__)
def test_engine(llm: LlamaEngine, check: Check) -> None:
    check(llm, contract.ask_llm)


@pytest.mark.parametrize("check", kinds.LLM, ids=lambda check: check.__name__)
def test_language_model(llm: LlamaEngine, check: Check) -> None:
    check(llm)
