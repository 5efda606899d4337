"""Contexts apart do what one context does, and what one of them holds is nothing to the others."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from llama_talk import GREEDY, tiny

from benchmarks.dummies.gguf_shape import Kind
from voiceagent.engines.llm.llama.context import LlamaContext, Rows
from voiceagent.engines.llm.llama.context_shape import CHECKPOINTS, ContextShape
from voiceagent.engines.llm.llama.contexts import LlamaContexts
from voiceagent.engines.llm.llama.model import LlamaError, LlamaModel
from voiceagent.engines.llm.llama.sampler import Sampler

TEXT = "Hello there, how are you?"
EACH: dict[str, Any] = {
    "context_tokens": 256,
    "sequences": CHECKPOINTS + 1,
    "batch_tokens": 256,
    "threads": 1,
    "flash_attention": False,
}
SYSTEM, FIRST, FIRST_TOO, SECOND, SECOND_LAST = 0, 1, 3, 4, 6


@pytest.fixture(scope="module", params=["plain", "hybrid"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaModel]:
    kind: Kind = request.param
    model = LlamaModel(tiny(tmp_path_factory.mktemp("model"), kind))
    yield model
    model.close()


@pytest.fixture
def contexts(model: LlamaModel) -> Iterator[LlamaContexts]:
    contexts = LlamaContexts(3, partial(LlamaContext, model, **EACH), CHECKPOINTS + 1)
    yield contexts
    contexts.close()


def next_token(model: LlamaModel, contexts: LlamaContexts, sequence: int, start: int, tokens: list[int]) -> int:
    rows = contexts.decode([Rows(sequence, start, tokens, True)])
    assert rows is not None
    assert contexts.is_finite(rows[0])
    return contexts.sample(Sampler(model, GREEDY), rows[0])


def test_a_copy_in_another_context_goes_on_as_its_source_would(model: LlamaModel, contexts: LlamaContexts) -> None:
    *head, last = model.tokenize(TEXT)
    fresh = next_token(model, contexts, SECOND, 0, [*head, last])
    contexts.drop(SECOND)
    contexts.decode([Rows(SYSTEM, 0, head, False)])
    contexts.fork(SYSTEM, FIRST, len(head))
    contexts.fork(FIRST, FIRST_TOO, len(head))
    contexts.fork(SYSTEM, SECOND_LAST, len(head))
    places = (FIRST_TOO, SYSTEM, SECOND_LAST, FIRST)
    assert {next_token(model, contexts, place, len(head), [last]) for place in places} == {fresh}


def test_what_one_stream_holds_takes_nothing_from_another(model: LlamaModel, contexts: LlamaContexts) -> None:
    full = [model.tokenize("a")[0]] * 256
    assert contexts.decode([Rows(FIRST, 0, full, False)]) is not None
    assert contexts.decode([Rows(FIRST, 256, full[:1], False)]) is None, "its own memory is full"
    assert contexts.decode([Rows(SECOND, 0, full, False)]) is not None
    contexts.clear()
    assert contexts.decode([Rows(FIRST, 0, full, False)]) is not None


def test_a_beginning_is_copied_only_from_a_memory_that_can_be_rewound(
    model: LlamaModel, contexts: LlamaContexts
) -> None:
    tokens = model.tokenize(TEXT)
    contexts.decode([Rows(FIRST, 0, tokens, False)])
    if model.rewindable:
        contexts.fork(FIRST, SYSTEM, 2)
        contexts.decode([Rows(SYSTEM, 2, tokens[2:], False)])
    else:
        with pytest.raises(LlamaError, match="cannot be rewound"):
            contexts.fork(FIRST, SYSTEM, 2)


@pytest.mark.parametrize("sequence", [-1, 7, 300])
def test_a_sequence_that_is_not_there_is_refused(sequence: int, contexts: LlamaContexts) -> None:
    with pytest.raises(LlamaError, match=f"no sequence {sequence}"):
        contexts.drop(sequence)
    with pytest.raises(LlamaError, match=f"no sequence {sequence}"):
        contexts.decode([Rows(sequence, 0, [1], False)])


def test_a_step_for_two_streams_is_refused(contexts: LlamaContexts) -> None:
    with pytest.raises(LlamaError, match="serves one stream"):
        contexts.decode([Rows(FIRST, 0, [1], False), Rows(SECOND, 0, [1], False)])


def test_where_one_cannot_be_made_none_is_left(model: LlamaModel) -> None:
    made: list[LlamaContext] = []

    def make() -> LlamaContext:
        if len(made) == 2:
            raise LlamaError("There is too little memory")
        made.append(LlamaContext(model, **EACH))
        return made[-1]

    closed: list[LlamaContext] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LlamaContext, "close", lambda context: closed.append(context))
        with pytest.raises(LlamaError, match="too little memory"):
            LlamaContexts(4, make, CHECKPOINTS + 1)
    assert closed == made
    for context in made:
        context.close()


@pytest.mark.parametrize(
    ("given", "contexts", "tokens"),
    [({}, 5, 100), ({"context_tokens": 300}, 1, 300), ({"gpu_layers": -1}, 1, 400), ({"max_streams": 1}, 1, 100)],
)
def test_streams_are_apart_on_a_cpu_that_serves_one_at_a_time(
    given: dict[str, Any], contexts: int, tokens: int
) -> None:
    usual: dict[str, Any] = {"context_tokens": None, "max_streams": 4, "gpu_layers": 0, "flash_attention": None}
    rest: dict[str, Any] = {"session_tokens": 100, "prefill_tokens": 24, "streams_per_step": None, "kv_type": "f16"}
    shape = ContextShape.of(**(rest | usual | given))
    assert (shape.contexts, shape.context_tokens) == (contexts, tokens)
