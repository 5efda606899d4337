"""What a summary costs a conversation in llama.cpp: its own words, and nothing that was read before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_talk import SYSTEM, Caller, Oracle, agent, drive, loaded, reply, step, tiny, user

from voiceagent.engines.contract import Need
from voiceagent.engines.llm.contract import ReplyOptions
from voiceagent.engines.llm.llama.engine import LlamaEngine
from voiceagent.session.summary import INSTRUCTION, SUMMARY
from voiceagent.testing import Conversation, run_virtual

HISTORY = (SYSTEM, user("My name is Anna."), agent("Hello Anna."), user("Why?"), agent("Because."))
NEXT = (*HISTORY, user("And then?"))


@pytest.fixture(scope="module", params=["plain", "hybrid"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("model"), request.param)


@pytest.fixture(params=[{}, {"streams_per_step": 1, "context_tokens": None}], ids=["one context", "a context each"])
def engine(request: pytest.FixtureRequest, path: Path) -> Iterator[LlamaEngine]:
    engine = loaded(path, max_streams=2, session_tokens=1024, **({"context_tokens": 2048} | request.param))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def oracle(path: Path) -> Iterator[Oracle]:
    oracle = Oracle(path, 2048)
    yield oracle
    oracle.close()


def begin(caller: Caller) -> None:
    options = ReplyOptions(max_tokens=8)
    caller.stream.generate(SUMMARY, (*HISTORY, user(INSTRUCTION)), 60.0, need=Need.SPECULATIVE, options=options)


@pytest.mark.parametrize("tokens", [0, 3, 8])
def test_the_conversation_goes_on_with_its_new_words_alone(engine: LlamaEngine, oracle: Oracle, tokens: int) -> None:
    caller = Caller(engine)
    caller.stream.prepare(HISTORY)
    drive(engine)
    begin(caller)
    while len(caller.events) < tokens:
        step(engine)
    caller.stream.cancel(SUMMARY)
    drive(engine)
    before = engine.prefilled_tokens
    assert reply(engine, caller, 1, *NEXT) == oracle.reply(*NEXT)
    assert engine.prefilled_tokens - before == oracle.length("And then?<|im_end|>\n<|im_start|>assistant\n")


def test_only_the_question_for_it_is_read(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    caller.stream.prepare(HISTORY)
    drive(engine)
    before = engine.prefilled_tokens
    begin(caller)
    drive(engine)
    assert caller.ended(SUMMARY)
    question = oracle.length(f"{INSTRUCTION}<|im_end|>\n<|im_start|>assistant\n")
    assert engine.prefilled_tokens - before == question


def test_it_takes_no_place_of_a_caller_and_gives_its_sequences_back(engine: LlamaEngine, oracle: Oracle) -> None:
    places = {slot.history.id for slot in engine._free}
    first, second = Caller(engine), Caller(engine)
    begin(first)
    assert reply(engine, second, 1, *NEXT) == oracle.reply(*NEXT), "who waits comes first"
    assert not first.events
    while not first.events:
        step(engine)
    first.stream.close()
    second.stream.close()
    assert {slot.history.id for slot in engine._free} == places
    third = Caller(engine)
    assert reply(engine, third, 1, *NEXT) == oracle.reply(*NEXT)


@pytest.mark.parametrize("hang_up_after", [0.05, 5.0], ids=["in the midst of it", "when it is written"])
def test_a_session_reads_only_the_question_more_than_without(path: Path, oracle: Oracle, hang_up_after: float) -> None:
    def read(*sets: str) -> int:
        engine = loaded(path, max_streams=1, session_tokens=1024)
        quiet = ("session.greeting=''", "session.idle_s=0", "session.history_turns=4", "llm.temperature=0")

        async def main() -> None:
            talking = Conversation("scripted.yaml", (*quiet, *sets), llm=engine, step_s=lambda batch: 0.01)
            async with talking as talk:
                for _ in range(3):
                    await talk.types("Something to say.", wait=0.0)  # the same, so that no reply is made again
                    while talk.session.state.response is not None:
                        await talk.listens(0.02)
                    await talk.listens(0.1)
                await talk.listens(hang_up_after)

        try:
            run_virtual(main())
            assert len(engine._free) == 1
            return engine.prefilled_tokens
        finally:
            engine.close()

    question = oracle.length(f"{INSTRUCTION}<|im_end|>\n<|im_start|>assistant\n")
    more = read("session.summarise=true") - read()
    assert more == question if hang_up_after > 1 else 0 < more < question
