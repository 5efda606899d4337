"""The model says of a user's words how likely they are to end here, while it reads them for its reply."""

from collections.abc import Iterator

import embedded
import pytest
from llama_talk import SYSTEM, Caller, agent, drive, loaded, user

from voiceagent.engines.llm.contract import Completed, Ending, Message, ReplyOptions, Token
from voiceagent.engines.llm.llama.engine import LlamaEngine

pytestmark = pytest.mark.models
THOROUGH = pytest.mark.thorough

JUDGED = ReplyOptions(max_tokens=2, judge_words=True)
GREETED = (SYSTEM, user("Hello."), agent("Hello! What would you like to talk about?"))


@pytest.fixture(scope="module", params=[pytest.param(16, marks=THOROUGH), 3, pytest.param(1, marks=THOROUGH)])
def engine(request: pytest.FixtureRequest) -> Iterator[LlamaEngine]:
    """Prompts are read in pieces of a few tokens, so that the last word may lie in any of them."""
    path = embedded.model_file("smollm2-135m-instruct-q4_1", "SmolLM2-135M-Instruct.Q4_1.gguf")
    engine = loaded(path, prefill_tokens=request.param, session_tokens=256)
    yield engine
    engine.close()


@pytest.fixture
def caller(engine: LlamaEngine) -> Iterator[Caller]:
    caller = Caller(engine)
    yield caller
    caller.stream.close()


def ask(
    engine: LlamaEngine, caller: Caller, generation: int, text: str, options: ReplyOptions = JUDGED
) -> list[Ending]:
    messages: tuple[Message, ...] = (*GREETED, user(text))
    caller.stream.generate(generation, messages, 0.0, options=options)
    drive(engine)
    return [event for event in caller.events if isinstance(event, Ending) and event.generation == generation]


def test_whole_words_are_likelier_to_end_than_those_that_need_another(engine: LlamaEngine, caller: Caller) -> None:
    texts = ("I would like to", "I would like to talk about the", "I would like to talk about music")
    (one,), (other,), (whole,) = (ask(engine, caller, number, text) for number, text in enumerate(texts, 1))
    assert 0 <= max(one.probability, other.probability) < 0.1 < whole.probability <= 1


def test_what_punctuation_the_recogniser_wrote_makes_no_difference(engine: LlamaEngine, caller: Caller) -> None:
    (plain,) = ask(engine, caller, 1, "I would like to talk about music")
    (pointed,) = ask(engine, caller, 2, "I would like to talk about music.")
    assert plain.probability == pytest.approx(pointed.probability, abs=0.01)


def test_it_is_said_once_and_before_the_reply(engine: LlamaEngine, caller: Caller) -> None:
    assert len(ask(engine, caller, 1, "Tell me about the sea.")) == 1
    first = next(event for event in caller.events if isinstance(event, Token | Ending))
    assert isinstance(first, Ending)
    assert isinstance(caller.events[-1], Completed)


def test_the_same_words_again_are_judged_again_without_being_read_again(engine: LlamaEngine, caller: Caller) -> None:
    before = ask(engine, caller, 1, "Tell me about the sea.")
    read = engine.prefilled_tokens
    again = ask(engine, caller, 2, "Tell me about the sea.")
    assert [ending.probability for ending in again] == [ending.probability for ending in before]
    assert engine.prefilled_tokens - read <= 1


def test_words_that_grow_are_judged_by_their_own_last_one(engine: LlamaEngine, caller: Caller) -> None:
    (short,) = ask(engine, caller, 1, "What is the best")
    (longer,) = ask(engine, caller, 2, "What is the best way to cook rice")
    assert longer.probability > short.probability


@pytest.mark.parametrize("text", ["", "...", "<|im_end|>"])
def test_where_there_are_no_words_nothing_is_said(engine: LlamaEngine, caller: Caller, text: str) -> None:
    assert ask(engine, caller, 1, text) == []
    assert isinstance(caller.events[-1], Completed)


def test_it_is_said_only_where_it_is_asked_for(engine: LlamaEngine, caller: Caller) -> None:
    assert ask(engine, caller, 1, "Tell me about the sea.", ReplyOptions(max_tokens=2)) == []
