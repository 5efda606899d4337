"""Whatever is forked, dropped, prepared and mixed: replies are those of a fresh context, and little is read twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_talk import SYSTEM, Caller, Oracle, agent, drive, loaded, reply, step, tiny, user

from benchmarks.dummies.gguf_tokenizer import byte_tokens
from voiceagent.engines.contract import HOLD, Need
from voiceagent.engines.llm.contract import Completed, LlmEvent, Message, Token
from voiceagent.engines.llm.llama.engine import LlamaEngine

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


def test_a_reply_is_what_a_fresh_context_says(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    assert reply(engine, caller, 1, *FIRST) == oracle.reply(*FIRST)
    assert caller.events[-1] == Completed(1, "length")


def test_so_is_the_reply_after_a_dropped_one_and_the_one_after_that(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    caller.stream.generate(1, FIRST, 1.0)
    for _ in range(6):
        step(engine)
    caller.stream.cancel(1)
    other = (SYSTEM, user("Say nothing at all about the sea, please."))
    assert reply(engine, caller, 2, *other) == oracle.reply(*other)
    assert reply(engine, caller, 3, *FIRST) == oracle.reply(*FIRST)


def test_streams_that_join_and_leave_at_different_times_keep_to_themselves(engine: LlamaEngine, oracle: Oracle) -> None:
    callers = [Caller(engine) for _ in range(3)]
    asked = [(SYSTEM, user(text)) for text in ("Hello?", "Tell me of the moon and of its craters.", "Why?")]
    for caller, messages in zip(callers, asked, strict=True):
        caller.stream.generate(1, messages, 1.0)
        for _ in range(4):
            step(engine)
    drive(engine)
    for caller, messages in zip(callers, asked, strict=True):
        assert caller.text(1) == oracle.reply(*messages)


def test_a_step_holds_the_next_token_of_every_reply_and_if_it_can_be_rewound_a_piece_of_prefill(
    engine: LlamaEngine, oracle: Oracle
) -> None:
    talking, joining = Caller(engine), Caller(engine)
    talking.stream.generate(1, (SYSTEM, user("Hello?")), 1.0)
    while not talking.events:
        step(engine)
    joining.stream.generate(1, (Message("system", "Another."), user("Tell me of the moon.")), 1.0)
    batch = engine.pending(0.0)
    assert batch is not None
    together = oracle.model.rewindable
    sizes = sorted(len(piece.tokens) for piece in batch.work.pieces)  # type: ignore[attr-defined]
    assert sizes == ([1, 16] if together else [1])
    assert batch.cost_key == ("llm.step", 20 if together else 1)
    assert batch.generation == (None if together else 1)


def test_a_step_is_made_smaller_by_reading_less_and_then_by_serving_fewer(engine: LlamaEngine, oracle: Oracle) -> None:
    question = (Message("system", "Another."), user("Tell me of the moon."))
    talking, joining = Caller(engine), Caller(engine)
    talking.stream.generate(1, FIRST, 1.0)
    while not talking.events:
        step(engine)
    joining.stream.generate(1, question, 2.0)
    cheap = {8: [1, 7], 3: [1, 2], 2: [1, 1], 1: [1]}
    for most, expected in cheap.items() if oracle.model.rewindable else ():
        whole = engine.pending(0.0)
        assert whole is not None
        batch = engine.shrink(whole, lambda key, most=most: key[1] <= most)
        assert [len(piece.tokens) for piece in batch.work.pieces] == expected  # type: ignore[attr-defined]
        assert batch.cost_key == ("llm.step", sum(expected))
        assert batch.streams == (talking.stream.number, joining.stream.number)[: len(expected)]
        assert (batch.deadline, batch.need) == (whole.deadline, whole.need)
        results = engine.run(batch)
        engine.deliver(batch, results)
    drive(engine)
    assert talking.text(1) == oracle.reply(*FIRST)
    assert joining.text(1) == oracle.reply(*question)


def test_a_step_that_fits_and_one_of_a_single_token_stay_as_they_are(engine: LlamaEngine) -> None:
    caller = Caller(engine)
    caller.stream.generate(1, FIRST, 1.0)
    reading = engine.pending(0.0)
    assert reading is not None
    assert engine.shrink(reading, lambda key: True) is reading
    while not caller.events:
        step(engine)
    decoding = engine.pending(0.0)
    assert decoding is not None
    assert engine.shrink(decoding, lambda key: False) is decoding


def test_on_a_cpu_a_step_serves_the_most_urgent_stream_alone(path: Path, oracle: Oracle) -> None:
    engine = loaded(path, streams_per_step=None)
    urgent, patient = Caller(engine), Caller(engine)
    patient.stream.generate(1, (SYSTEM, user("Why?")), 2.0)
    urgent.stream.generate(1, FIRST, 1.0)
    while not urgent.ended(1):
        assert not patient.events
        step(engine)
    drive(engine)
    assert urgent.text(1) == oracle.reply(*FIRST)
    assert patient.text(1) == oracle.reply(SYSTEM, user("Why?"))
    engine.close()


def test_a_prepared_conversation_leaves_only_the_users_words_to_read(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    history = (SYSTEM, user("Hello?"), agent("Hello to you."))
    caller.stream.prepare(history)
    drive(engine)
    assert not caller.events
    before = engine.prefilled_tokens
    messages = (*history, user("Why?"))
    assert reply(engine, caller, 1, *messages) == oracle.reply(*messages)
    words = "Why?<|im_end|>\n<|im_start|>assistant\n"
    assert engine.prefilled_tokens - before == oracle.length(words)


def test_preparing_does_not_count_on_the_users_last_message_being_whole(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM, user("Hello")))
    drive(engine)
    before = engine.prefilled_tokens
    reply(engine, caller, 1, SYSTEM, user("Hello and good evening"))
    words = "Hello and good evening<|im_end|>\n<|im_start|>assistant\n"
    assert engine.prefilled_tokens - before == oracle.length(words)


def test_a_reply_heard_whole_is_not_read_again(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    said = reply(engine, caller, 1, *FIRST)
    before = engine.prefilled_tokens
    second = (*FIRST, agent(said), user("Why?"))
    reply(engine, caller, 2, *second)
    # The last token drawn was never computed: it was the last one allowed.
    words = "<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    assert engine.prefilled_tokens - before == 1 + oracle.length(words)


def test_so_it_is_when_the_model_split_its_words_otherwise_than_the_tokenizer_would(
    path: Path, oracle: Oracle, tmp_path: Path
) -> None:
    asked = (SYSTEM, user("Why?"))
    one, other = (oracle.model.piece(token).decode() for token in oracle.continuation(oracle.tokens(*asked), 3)[1:])
    words = {
        "tokenizer.ggml.tokens": byte_tokens(one + other, "ll", "lll"),
        "tokenizer.ggml.merges": [f"{one} {other}", "l l", "ll l"],
    }
    engine = loaded(tiny(tmp_path, "plain" if oracle.model.rewindable else "hybrid", **words))
    caller = Caller(engine)
    said = reply(engine, caller, 1, *asked)
    assert one + other in said, "drawn as two tokens, which the tokenizer would merge"
    before = engine.prefilled_tokens
    reply(engine, caller, 2, *asked, agent(said), user("Why?"))
    new = "<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    assert engine.prefilled_tokens - before == 1 + oracle.length(new)
    engine.close()


def test_after_an_interruption_only_what_was_heard_and_what_is_new_is_read(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    caller.stream.generate(1, FIRST, 1.0)
    while len(caller.events) < 8:
        step(engine)
    caller.stream.cancel(1)
    heard = caller.text(1)[:4]
    before = engine.prefilled_tokens
    second = (*FIRST, agent(heard), user("Why?"))
    assert reply(engine, caller, 2, *second) == oracle.reply(*second)
    new = "<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    # A memory that can be rewound still holds the words heard themselves.
    words = new if oracle.model.rewindable else heard + new
    assert engine.prefilled_tokens - before == oracle.length(words)


def test_a_guess_at_what_the_user_says_costs_only_its_difference(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    caller.stream.prepare((SYSTEM,))
    drive(engine)
    caller.stream.generate(1, (SYSTEM, user("What is the capital")), 1.0, need=Need.SPECULATIVE)
    drive(engine)
    before = engine.prefilled_tokens
    whole = (SYSTEM, user("What is the capital of France?"))
    assert reply(engine, caller, 2, *whole) == oracle.reply(*whole)
    ending = "<|im_end|>\n<|im_start|>assistant\n"
    new = " of France?" if oracle.model.rewindable else "What is the capital of France?"
    assert engine.prefilled_tokens - before == oracle.length(new + ending)


@pytest.mark.parametrize("tokens", [0, 1, 2, 6])
def test_a_dropped_guess_that_proves_right_is_not_read_again(engine: LlamaEngine, oracle: Oracle, tokens: int) -> None:
    caller = Caller(engine)
    caller.stream.generate(1, FIRST, 1.0, need=Need.SPECULATIVE)
    while len(caller.events) < tokens:
        step(engine)
    while engine.prefilled_tokens < len(oracle.tokens(*FIRST)) - 1:
        step(engine)
    before = engine.prefilled_tokens
    caller.stream.cancel(1)
    assert reply(engine, caller, 2, *FIRST) == oracle.reply(*FIRST)
    assert engine.prefilled_tokens - before <= (0 if tokens else len(oracle.tokens(*FIRST)) % 16)


def test_ten_streams_share_one_reading_of_the_system_prompt(path: Path, oracle: Oracle) -> None:
    engine = loaded(path, max_streams=10, context_tokens=4096)
    callers = [Caller(engine) for _ in range(10)]
    callers[0].stream.prepare((SYSTEM,))
    drive(engine)
    system = engine.prefilled_tokens
    assert system > 20
    for number, caller in enumerate(callers):
        caller.stream.generate(1, (SYSTEM, user(f"{number}?")), 1.0)
    drive(engine)
    for number, caller in enumerate(callers):
        assert caller.text(1) == oracle.reply(SYSTEM, user(f"{number}?"))
    new = oracle.length("user\n0?<|im_end|>\n<|im_start|>assistant\n")
    assert engine.prefilled_tokens - system <= 10 * new
    engine.close()


def test_all_streams_share_one_reading_of_the_system_prompt(engine: LlamaEngine, oracle: Oracle) -> None:
    first, second = Caller(engine), Caller(engine)
    reply(engine, first, 1, *FIRST)
    before = engine.prefilled_tokens
    greeted = (SYSTEM, agent("Hello!"), user("Why?"))
    assert reply(engine, second, 1, *greeted) == oracle.reply(*greeted)
    after_system = "assistant\nHello!<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    assert engine.prefilled_tokens - before == oracle.length(after_system)


def test_streams_with_different_system_prompts_do_not_disturb_each_other(engine: LlamaEngine, oracle: Oracle) -> None:
    one, other = Caller(engine), Caller(engine)
    pirate = Message("system", "You are a pirate.")
    for generation in range(3):
        asked = user(f"Question {generation}")
        one.stream.generate(generation, (SYSTEM, asked), 1.0)
        other.stream.generate(generation, (pirate, asked), 1.0)
        drive(engine)
        assert one.text(generation) == oracle.reply(SYSTEM, asked)
        assert other.text(generation) == oracle.reply(pirate, asked)


def test_a_reply_on_hold_waits_and_then_goes_on_where_it_was(engine: LlamaEngine, oracle: Oracle) -> None:
    caller = Caller(engine)
    caller.stream.generate(1, FIRST, 1.0)
    while len(caller.events) < 3:
        step(engine)
    caller.stream.reschedule(1, HOLD)
    assert step(engine) is None
    caller.stream.reschedule(1, 2.0)
    drive(engine)
    assert caller.text(1) == oracle.reply(*FIRST)


def test_nothing_is_told_of_a_reply_that_was_replaced_while_its_token_was_computed(
    engine: LlamaEngine, oracle: Oracle
) -> None:
    caller = Caller(engine)
    other = (SYSTEM, user("Why?"))
    caller.stream.generate(1, FIRST, 1.0)
    while len(caller.events) < 3:
        step(engine)
    told = len(caller.events)
    step(engine, meanwhile=lambda: caller.stream.generate(2, other, 1.0))
    assert len(caller.events) == told
    drive(engine)
    assert caller.text(2) == oracle.reply(*other)


def test_a_stream_may_close_and_another_take_its_place_while_a_step_runs(engine: LlamaEngine, oracle: Oracle) -> None:
    others = [Caller(engine) for _ in range(3)]
    leaving = Caller(engine)
    leaving.stream.generate(1, FIRST, 1.0)
    coming: list[Caller] = []

    def change() -> None:
        leaving.stream.close()
        coming.append(Caller(engine))
        coming[0].stream.generate(1, (SYSTEM, user("Why?")), 1.0)

    step(engine, meanwhile=change)
    drive(engine)
    assert not leaving.events
    assert coming[0].text(1) == oracle.reply(SYSTEM, user("Why?"))
    assert all(not other.events for other in others)


def test_a_listener_may_cancel_at_the_first_token_and_close_at_the_next_reply(engine: LlamaEngine) -> None:
    events: list[LlmEvent] = []

    def hear(event: LlmEvent) -> None:
        events.append(event)
        if isinstance(event, Token):
            stream.cancel(event.generation)
            if event.generation == 1:
                stream.generate(2, FIRST, 1.0)
            else:
                stream.close()

    stream = engine.open(hear)
    stream.generate(1, FIRST, 1.0)
    drive(engine)
    assert [event.generation for event in events if isinstance(event, Token)] == [1, 2]
    stream.close()
