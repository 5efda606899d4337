"""The llama.cpp engine against the contract of language models, with both kinds of memory."""

from collections.abc import Iterator

import pytest
from llama_talk import loaded, tiny

from voiceagent.engines.llm.llama.engine import LlamaEngine
from voiceagent.testing.engine_contract import Check, contract


@pytest.fixture(scope="module", params=["plain", "hybrid"])
def llm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaEngine]:
    engine = loaded(tiny(tmp_path_factory.mktemp("model"), request.param))
    yield engine
    engine.close()


@pytest.mark.parametrize("check", contract("llm"), ids=lambda check: check.__name__)
def test_language_model(llm: LlamaEngine, check: Check) -> None:
    check(llm)
