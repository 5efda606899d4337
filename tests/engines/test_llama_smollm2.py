"""The embedded language model, with its weights."""

from collections.abc import Iterator
from pathlib import Path

import embedded
import pytest
from llama_talk import Caller, agent, drive, loaded, reply, user

from voiceagent.engines.llm.contract import Completed, Message
from voiceagent.engines.llm.llama.engine import LlamaEngine, Sampling
from voiceagent.engines.llm.llama.model import LlamaModel

pytestmark = pytest.mark.models

SYSTEM = Message("system", "You are a friendly voice assistant. Answer in one or two short sentences.")
FRANCE = user("What is the capital of France?")


@pytest.fixture(scope="module")
def path() -> Path:
    return embedded.model_file("smollm2-135m-instruct-q4_1", "SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="module", params=["original", "fast copy"])
def engine(
    request: pytest.FixtureRequest, path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LlamaEngine]:
    copies = tmp_path_factory.mktemp("copies") if request.param == "fast copy" else None
    penalised = Sampling(temperature=0.0, repeat_penalty=1.1)
    engine = loaded(path, copies=copies, sampling=penalised, max_tokens=40, session_tokens=1024)
    yield engine
    engine.close()


def test_it_knows_the_capital_of_france_and_when_to_stop(engine: LlamaEngine) -> None:
    caller = Caller(engine)
    text = reply(engine, caller, 1, SYSTEM, FRANCE)
    assert "Paris" in text
    assert text == text.strip()
    assert "<|" not in text
    assert caller.events[-1] == Completed(1, "stop")
    caller.stream.close()


def test_it_hears_the_second_question_in_the_light_of_the_first(engine: LlamaEngine) -> None:
    caller = Caller(engine)
    told = (SYSTEM, user("I have a dog called Rex."), agent("Rex is a lovely name for a dog!"))
    assert "Rex" in reply(engine, caller, 1, *told, user("What is the name of my dog?"))
    caller.stream.close()


def test_a_prepared_history_leaves_only_the_question_to_read(engine: LlamaEngine, path: Path) -> None:
    vocabulary = LlamaModel(path)
    caller = Caller(engine)
    history = (SYSTEM, user("Hello."), agent("Hello! What would you like to talk about?"))
    caller.stream.prepare(history)
    drive(engine)
    before = engine.prefilled_tokens
    reply(engine, caller, 1, *history, FRANCE)
    read = engine.prefilled_tokens - before
    assert read == len(vocabulary.tokenize(f"{FRANCE.content}<|im_end|>\n<|im_start|>assistant\n"))
    caller.stream.close()
    vocabulary.close()


def test_callers_side_by_side_get_their_own_answers(engine: LlamaEngine) -> None:
    callers = [Caller(engine) for _ in range(3)]
    for caller, word in zip(callers, ("England", "China", "Japan"), strict=True):
        caller.stream.generate(1, (SYSTEM, user(f"What is the capital of {word}?")), 1.0)
    drive(engine)
    for caller, city in zip(callers, ("London", "Beijing", "Tokyo"), strict=True):
        assert city in caller.text(1)
        caller.stream.close()
