"""Thoughts: thought while the user speaks, read by the next reply, and then forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_talk import NO_MERGES, SYSTEM, THINKING, Caller, Oracle, agent, drive, loaded, reply, step, tiny, user

from benchmarks.dummies.gguf_shape import Kind
from benchmarks.dummies.gguf_tokenizer import CHATML
from voiceagent.engines.contract import Need
from voiceagent.engines.llm.contract import Message, ReplyOptions
from voiceagent.engines.llm.llama.common import Drawn
from voiceagent.engines.llm.llama.engine import LlamaEngine
from voiceagent.engines.llm.llama.stream import LlamaStream
from voiceagent.engines.llm.llama.template import ChatTemplate
from voiceagent.errors import VoiceAgentError

BUDGET = 8
SPOKEN = user("I would like to know")
WHOLE = user("I would like to know why the sea is salty.")


@pytest.fixture(params=["plain", "hybrid"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    kind: Kind = request.param
    return tiny(tmp_path, kind, template=THINKING, **NO_MERGES)


@pytest.fixture
def engine(path: Path) -> Iterator[LlamaEngine]:
    engine = loaded(path, thinking_tokens=BUDGET, session_tokens=400, context_tokens=2048)
    yield engine
    engine.close()


@pytest.fixture
def oracle(path: Path) -> Iterator[Oracle]:
    oracle = Oracle(path)
    yield oracle
    oracle.close()


def thought_of(stream: LlamaStream, *messages: Message) -> list[int]:
    return stream._thinking.about(messages)


def test_a_reply_comes_after_what_was_thought_while_the_user_spoke(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM, SPOKEN))
    drive(engine)
    thought = oracle.thought(BUDGET, SYSTEM, SPOKEN)
    said = reply(engine, caller, 1, SYSTEM, WHOLE)
    assert said == oracle.reply(SYSTEM, WHOLE, thought=thought)
    assert said != oracle.reply(SYSTEM, WHOLE), "the thought changes nothing"


def test_a_thought_is_no_part_of_the_conversation(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM, SPOKEN))
    drive(engine)
    said = reply(engine, caller, 1, SYSTEM, WHOLE)
    later = (SYSTEM, WHOLE, agent(said), user("Thanks."))
    assert reply(engine, caller, 2, *later) == oracle.reply(*later)


def test_an_unfinished_thought_goes_on_as_the_words_grow(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM, SPOKEN))
    while len(thought_of(caller.stream, SYSTEM, SPOKEN)) < 3:
        step(engine)
    caller.stream.prepare((SYSTEM, WHOLE))
    drive(engine)
    begun = oracle.thought(3, SYSTEM, SPOKEN)
    assert thought_of(caller.stream, SYSTEM, WHOLE) == oracle.thought(BUDGET - 3, SYSTEM, WHOLE, begun=begun)


def test_a_finished_thought_serves_until_another_about_more_words_is_finished(
    engine: LlamaEngine, oracle: Oracle
) -> None:
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM, SPOKEN))
    drive(engine)
    first = oracle.thought(BUDGET, SYSTEM, SPOKEN)
    caller.stream.prepare((SYSTEM, WHOLE))
    step(engine)
    assert thought_of(caller.stream, SYSTEM, WHOLE) == first
    drive(engine)
    assert thought_of(caller.stream, SYSTEM, WHOLE) == oracle.thought(BUDGET, SYSTEM, WHOLE)


@pytest.mark.parametrize(
    ("messages", "counts"),
    [
        ((SYSTEM, WHOLE), True),
        ((SYSTEM, user("I'd like to know why")), True),  # the recogniser has changed its mind about a word
        ((SYSTEM, user("Never mind, good night.")), False),
        ((SYSTEM, user("Hello."), agent("Yes?"), WHOLE), False),
        ((Message("system", "You are a pirate."), WHOLE), False),
    ],
)
def test_a_thought_counts_for_the_words_it_is_about(
    engine: LlamaEngine, oracle: Oracle, messages: tuple[Message, ...], counts: bool
) -> None:
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM, SPOKEN))
    drive(engine)
    thought = oracle.thought(BUDGET, SYSTEM, SPOKEN) if counts else []
    assert thought_of(caller.stream, *messages) == thought
    assert reply(engine, caller, 1, *messages) == oracle.reply(*messages, thought=thought)


def test_a_model_does_not_think_about_a_word_or_two(engine: LlamaEngine) -> None:
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM, user("Well I")))
    drive(engine)
    assert thought_of(caller.stream, SYSTEM, user("Well I")) == []
    assert engine.decoded_tokens == 0


def test_a_thought_ends_where_the_model_ends_it(path: Path, oracle: Oracle) -> None:
    engine = loaded(path, thinking_tokens=40)
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM, SPOKEN))
    thinking = caller.stream._thinking
    for piece in ("so", "lt", "</", "think", ">"):
        for token in oracle.model.tokenize(piece):
            work = thinking.work
            assert work is not None
            thinking.take(work, Drawn(token, oracle.model.piece(token), end=False))
    assert thinking.work is None
    assert thought_of(caller.stream, SYSTEM, WHOLE) == oracle.model.tokenize("solt")
    engine.close()


def test_nobody_waits_for_a_thought(engine: LlamaEngine) -> None:
    thinker, other = Caller(engine), Caller(engine)
    thinker.stream.prepare((SYSTEM, SPOKEN))
    for _ in range(6):
        step(engine)
    other.stream.generate(1, (SYSTEM, user("Hello?")), 1.0)
    while not other.ended(1):
        assert (batch := step(engine)) is not None
        assert batch.streams == (other.stream.number,)
        assert batch.need is Need.AWAITED
    assert (batch := step(engine)) is not None
    assert (batch.streams, batch.need) == ((thinker.stream.number,), Need.SPECULATIVE)


def test_a_thought_goes_on_after_a_reply_that_was_dropped_because_the_user_went_on(
    engine: LlamaEngine, oracle: Oracle
) -> None:
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM, SPOKEN))
    while len(thought_of(caller.stream, SYSTEM, SPOKEN)) < 2:
        step(engine)
    caller.stream.generate(1, (SYSTEM, SPOKEN), 1.0, need=Need.SPECULATIVE)
    for _ in range(8):
        step(engine)
    assert caller.text(1)
    caller.stream.cancel(1)
    drive(engine)
    assert thought_of(caller.stream, SYSTEM, SPOKEN) == oracle.thought(BUDGET, SYSTEM, SPOKEN)


def test_words_are_judged_as_without_a_thought(engine: LlamaEngine) -> None:
    def endings(caller: Caller) -> list[float]:
        caller.stream.generate(1, (SYSTEM, WHOLE), 1.0, options=ReplyOptions(judge_words=True))
        drive(engine)
        return [event.probability for event in caller.events if type(event).__name__ == "Ending"]

    plain, thinker = Caller(engine), Caller(engine)
    thinker.stream.prepare((SYSTEM, SPOKEN))
    drive(engine)
    assert endings(thinker) == pytest.approx(endings(plain), rel=1e-4)


def test_a_thought_that_does_not_fit_is_left_out(path: Path, oracle: Oracle) -> None:
    room = len(oracle.tokens(SYSTEM, WHOLE)) + 12 + 2
    engine = loaded(path, thinking_tokens=BUDGET, session_tokens=room, context_tokens=1024)
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM, SPOKEN))
    drive(engine)
    assert reply(engine, caller, 1, SYSTEM, WHOLE) == oracle.reply(SYSTEM, WHOLE)
    engine.close()


def test_a_model_that_cannot_think_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(VoiceAgentError, match=r"cannot think before a reply.*Set llm.thinking_tokens to 0"):
        loaded(tiny(tmp_path, "plain"), thinking_tokens=BUDGET)


@pytest.mark.parametrize("ending", ["<think></think>", "<think>\n\n</think>\n\n"])
def test_templates_that_end_in_an_empty_thought_have_thoughts(ending: str, oracle: Oracle) -> None:
    model = oracle.model
    model.template = CHATML + "{% if add_generation_prompt %}{{ ending }}{% endif %}".replace("ending", repr(ending))
    template = ChatTemplate(model)
    assert template.has_thoughts
    prompt = template.prompt((SYSTEM, WHOLE))
    thought = model.tokenize("hello")
    blank = ending.partition("</think>")[2]

    def text(*, over: bool) -> str:
        tokens = template.with_thought(prompt, thought, over=over)
        return b"".join(map(model.piece, tokens)).decode()

    before = prompt.text.removesuffix(ending)
    assert text(over=False) == f"{before}<think>\nhello"
    assert text(over=True) == f"{before}<think>\nhello\n</think>{blank}"
