"""What ends a reply, and what happens where something is too much or goes wrong."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from llama_talk import SYSTEM, Caller, Oracle, agent, drive, loaded, reply, step, tiny, user

from benchmarks.dummies.gguf_tokenizer import CHATML
from voiceagent.engines.contract import HOLD, StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEvent, Message
from voiceagent.engines.llm.llama.engine import LlamaEngine, Sampling
from voiceagent.errors import VoiceAgentError

FIRST = (SYSTEM, user("Say something about the sea."))


@pytest.fixture(scope="module", params=["plain", "hybrid"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("model"), request.param)


@pytest.fixture(scope="module")
def oracle(path: Path) -> Iterator[Oracle]:
    oracle = Oracle(path)
    yield oracle
    oracle.close()


@pytest.fixture
def engine(path: Path) -> Iterator[LlamaEngine]:
    engine = loaded(path)
    yield engine
    engine.close()


def test_more_streams_than_sequences_are_refused_until_one_closes(engine: LlamaEngine) -> None:
    callers = [Caller(engine) for _ in range(4)]
    with pytest.raises(VoiceAgentError, match="All 4 conversations"):
        engine.open(lambda event: None)
    callers[0].stream.close()
    Caller(engine)


def test_a_conversation_longer_than_a_session_may_be_fails_with_the_remedy(engine: LlamaEngine) -> None:
    caller = Caller(engine)
    endless = user("word " * 200)
    assert engine.count_tokens((SYSTEM, endless)) > 256
    caller.stream.prepare((SYSTEM, endless, agent("Yes?")))
    caller.stream.generate(1, (SYSTEM, endless), 1.0)
    assert not caller.events, "events come from steps, never from within a call"
    drive(engine)
    (failure,) = caller.events
    assert isinstance(failure, StreamFailed)
    assert failure.tag == 1
    assert "drop its oldest turns" in str(failure.error)
    assert reply(engine, caller, 2, *FIRST)


def test_a_refusal_that_is_cancelled_is_not_told(engine: LlamaEngine) -> None:
    caller = Caller(engine)
    caller.stream.generate(1, (SYSTEM, user("word " * 200)), 1.0)
    caller.stream.cancel(1)
    drive(engine)
    assert not caller.events


def test_a_refusal_is_told_though_its_step_never_ran(engine: LlamaEngine) -> None:
    caller = Caller(engine)
    caller.stream.generate(1, (SYSTEM, user("word " * 200)), 1.0)
    batch = engine.pending(0.0)
    assert batch is not None
    engine.fail(batch, TimeoutError())
    (failure,) = caller.failures
    assert "drop its oldest turns" in str(failure.error)
    assert engine.pending(0.0) is None


def test_a_reply_ends_where_the_session_is_full(path: Path, oracle: Oracle) -> None:
    room = len(oracle.tokens(*FIRST)) + 5
    engine = loaded(path, session_tokens=room)
    caller = Caller(engine)
    assert reply(engine, caller, 1, *FIRST) == oracle.reply(*FIRST, count=5)
    assert caller.events[-1] == Completed(1, "length")
    engine.close()


def test_when_the_memory_is_full_the_least_urgent_reply_gives_way(
    path: Path, oracle: Oracle, request: pytest.FixtureRequest
) -> None:
    engine = loaded(path, context_tokens=256, session_tokens=256, max_tokens=100)
    urgent, patient = Caller(engine), Caller(engine)
    asked = (SYSTEM, user("Say something. " * 4))
    urgent.stream.generate(1, asked, 1.0)
    patient.stream.generate(1, (Message("system", "Another."), user("Tell me all. " * 5)), 2.0)
    drive(engine)
    if request.node.callspec.params["path"] == "hybrid":  # the second has waited until the first was over, and fits
        assert patient.events[-1] == Completed(1, "length")
    else:
        assert [failure.tag for failure in patient.failures] == [1]
        assert "context of 256 tokens is full" in str(patient.failures[0].error)
    assert urgent.text(1) == oracle.reply(*asked, count=100)
    urgent.stream.close()
    patient.stream.generate(2, (Message("system", "Another."), user("Tell me all. " * 5)), 2.0)
    step(engine)
    assert not patient.failures[1:], "what was lost counts as lost"
    assert reply(engine, patient, 3, *FIRST) == oracle.reply(*FIRST, count=100)
    engine.close()


def test_without_a_common_memory_everybody_may_fill_their_own(path: Path, oracle: Oracle) -> None:
    engine = loaded(path, context_tokens=None, session_tokens=256, max_tokens=100, streams_per_step=1, max_streams=3)
    asked = [(Message("system", f"Speaker {number}."), user("Tell me all. " * 5)) for number in range(3)]
    callers = [Caller(engine) for _ in asked]
    for caller, messages in zip(callers, asked, strict=True):
        caller.stream.generate(1, messages, 1.0)
    drive(engine)
    for caller, messages in zip(callers, asked, strict=True):
        assert not caller.failures
        assert caller.text(1) == oracle.reply(*messages, count=100)
    callers[0].stream.close()
    again = Caller(engine)
    assert reply(engine, again, 2, *asked[1]) == oracle.reply(*asked[1], count=100)
    engine.close()


def test_who_is_silent_makes_room_and_is_read_anew_later(path: Path, oracle: Oracle) -> None:
    engine = loaded(path, context_tokens=256, session_tokens=256, max_tokens=60)
    silent, held, talking = Caller(engine), Caller(engine), Caller(engine)
    asked = (Message("system", "Another."), user("Tell me all."))
    silent.stream.prepare((SYSTEM, user("Hello?"), agent("Hello, my friend!")))
    drive(engine)
    held.stream.generate(1, asked, 1.0)
    while len(held.events) < 5:
        step(engine)
    held.stream.reschedule(1, HOLD)
    long = (SYSTEM, user("Say something. " * 5))
    assert reply(engine, talking, 1, *long) == oracle.reply(*long, count=60)
    talking.stream.close()
    held.stream.reschedule(1, 1.0)
    drive(engine)
    assert held.text(1) == oracle.reply(*asked, count=60)
    held.stream.close()
    assert reply(engine, silent, 1, *FIRST) == oracle.reply(*FIRST, count=60)
    assert not any(caller.failures for caller in (silent, held, talking))
    engine.close()


def test_a_listener_may_cancel_at_the_last_token(engine: LlamaEngine) -> None:
    events: list[LlmEvent] = []

    def hear(event: LlmEvent) -> None:
        events.append(event)
        if len(events) == 12:
            stream.cancel(1)

    stream = engine.open(hear)
    stream.generate(1, FIRST, 1.0)
    drive(engine)
    assert len(events) == 12
    assert not any(isinstance(event, Completed) for event in events)


def test_a_failed_step_is_told_and_what_it_touched_is_computed_anew(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM,))
    error = RuntimeError("the device is on fire")
    batch = engine.pending(0.0)
    assert batch is not None
    engine.run(batch)
    engine.fail(batch, error)
    assert caller.events == [StreamFailed(-1, error)]
    caller.stream.generate(1, FIRST, 1.0)
    step(engine)
    batch = engine.pending(0.0)
    assert batch is not None
    engine.run(batch)
    engine.fail(batch, error)
    assert caller.events[1:] == [StreamFailed(1, error)]
    assert reply(engine, caller, 2, *FIRST) == oracle.reply(*FIRST)


def test_a_step_that_is_run_twice_raises_instead_of_corrupting(engine: LlamaEngine) -> None:
    caller = Caller(engine)
    caller.stream.generate(1, FIRST, 1.0)
    step(engine)
    batch = engine.pending(0.0)
    assert batch is not None
    engine.run(batch)
    with pytest.raises(VoiceAgentError, match="does not end at"):
        engine.run(batch)


def test_the_models_own_end_token_ends_a_reply_and_is_not_shown(path: Path, oracle: Oracle, tmp_path: Path) -> None:
    drawn = oracle.continuation(oracle.tokens(*FIRST), 12)
    end = next(token for index, token in enumerate(drawn) if index > 3 and token not in drawn[:index])
    kind = "plain" if oracle.model.rewindable else "hybrid"
    engine = loaded(tiny(tmp_path, kind, **{"tokenizer.ggml.eot_token_id": end}))  # type: ignore[arg-type]
    caller = Caller(engine)
    expected = b"".join(map(oracle.model.piece, drawn[: drawn.index(end)])).decode().lstrip()
    assert reply(engine, caller, 1, *FIRST) == expected
    assert caller.events[-1] == Completed(1, "stop")
    engine.close()


def test_each_reply_follows_the_grammar_from_its_beginning(path: Path) -> None:
    engine = loaded(path, sampling=Sampling(grammar='root ::= ("yes" | "no") "."'))
    callers = [Caller(engine) for _ in range(3)]
    for caller in callers:
        caller.stream.generate(1, FIRST, 1.0)
    drive(engine)
    for caller in callers:
        assert caller.text(1) in ("yes.", "no.")
        assert caller.events[-1] == Completed(1, "stop")
    callers[0].stream.generate(2, FIRST, 1.0)
    drive(engine)
    assert callers[0].text(2) == callers[0].text(1)
    engine.close()


def test_a_grammar_that_is_none_is_refused_when_the_model_loads(path: Path) -> None:
    with pytest.raises(VoiceAgentError, match="not GBNF"):
        loaded(path, sampling=Sampling(grammar="root ::= ("))


def test_a_thought_that_the_prompt_opens_is_opened_in_the_reply(tmp_path: Path) -> None:
    template = CHATML.replace("assistant\\n'", "assistant\\n<think>\\n'")
    engine = loaded(tiny(tmp_path, "plain", template=template))
    caller = Caller(engine)
    assert reply(engine, caller, 1, *FIRST).startswith("<think>")
    assert caller.events[-1] == Completed(1, "length")
    engine.close()


def test_work_that_cannot_be_rendered_fails_alone(tmp_path: Path) -> None:
    strict = "{% if messages[0].role != 'system' %}{{ raise_exception('begin with the system') }}{% endif %}"
    engine = loaded(tiny(tmp_path, "plain", template=strict + CHATML))
    caller = Caller(engine)
    caller.stream.prepare((user("Hello?"), agent("Yes?")))
    caller.stream.generate(1, (user("Hello?"),), 1.0)
    drive(engine)
    assert "begin with the system" in str(caller.failures[0].error)
    assert reply(engine, caller, 2, *FIRST)
    engine.close()


def test_an_engine_that_is_not_loaded_says_so(path: Path) -> None:
    engine = LlamaEngine(path)
    with pytest.raises(VoiceAgentError, match="not loaded"):
        engine.open(lambda event: None)
    engine.close()


def test_a_session_cannot_have_more_than_the_context(path: Path) -> None:
    with pytest.raises(VoiceAgentError, match="Lower the session's part"):
        LlamaEngine(path, context_tokens=512, session_tokens=1024).load()


def test_replies_drawn_at_random_repeat_with_their_seed(path: Path) -> None:
    def say(sampling: Sampling) -> str:
        engine = loaded(path, sampling=sampling)
        text = reply(engine, Caller(engine), 1, *FIRST)
        engine.close()
        return text

    warm = Sampling(temperature=2.0, top_k=0, top_p=1.0, min_p=0.0, seed=7)
    assert say(warm) == say(warm)
    assert len({say(replace(warm, seed=seed)) for seed in range(4)}) > 1
