"""How many states of a conversation are kept, and what that costs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_talk import Caller, Oracle, agent, drive, loaded, reply, tiny, user

from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.llama.context_shape import ContextShape

SYSTEM = Message("system", "You are a friendly voice assistant. Answer briefly.")
QUESTION = "Tell me a story of the sea, of the moon and of an old house."


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("model"), "hybrid")


@pytest.fixture(scope="module")
def oracle(path: Path) -> Iterator[Oracle]:
    oracle = Oracle(path)
    yield oracle
    oracle.close()


@pytest.mark.parametrize("checkpoints", [1, 2])
def test_an_interrupted_conversation_goes_on_as_a_fresh_one_would(checkpoints: int, path: Path, oracle: Oracle) -> None:
    engine = loaded(path, checkpoints=checkpoints)
    caller = Caller(engine)
    first = (SYSTEM, user("Hello?"))
    said = reply(engine, caller, 1, *first)
    second = (*first, agent(said), user(QUESTION))
    told = reply(engine, caller, 2, *second)
    assert told == oracle.reply(*second)
    before = engine.prefilled_tokens
    third = (*second, agent(told[:4]), user("And then?"))
    assert reply(engine, caller, 3, *third) == oracle.reply(*third)
    read = engine.prefilled_tokens - before
    assert (read < oracle.length(QUESTION)) is (checkpoints == 2), "the question is read again where nothing holds it"
    drive(engine)
    engine.close()


def test_one_checkpoint_takes_a_third_less_of_states(path: Path) -> None:
    def states(checkpoints: int) -> int:
        shape = ContextShape.of(
            context_tokens=None,
            session_tokens=128,
            max_streams=30,
            prefill_tokens=16,
            streams_per_step=None,
            gpu_layers=-1,
            flash_attention=None,
            kv_type="f16",
            checkpoints=checkpoints,
        )
        assert shape.sequences == 30 * (checkpoints + 1) + 1
        return shape.memory_need(path).recurrent_state

    assert states(1) / states(2) == pytest.approx(61 / 91)
