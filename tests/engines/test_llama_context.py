"""Wrong calls raise here, where llama.cpp itself would abort the process or corrupt a neighbour."""

from collections.abc import Iterator

import pytest
from llama_talk import GREEDY, tiny

from benchmarks.dummies.gguf_shape import Kind
from voiceagent.engines.llm.llama.context import LlamaContext, Rows
from voiceagent.engines.llm.llama.model import LlamaError, LlamaModel
from voiceagent.engines.llm.llama.sampler import Sampler

TEXT = "Hello there, how are you?"


@pytest.fixture(scope="module", params=["plain", "hybrid"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaModel]:
    kind: Kind = request.param
    model = LlamaModel(tiny(tmp_path_factory.mktemp("model"), kind))
    yield model
    model.close()


@pytest.fixture
def context(model: LlamaModel) -> Iterator[LlamaContext]:
    context = LlamaContext(model, context_tokens=256, sequences=3, batch_tokens=64, threads=1, flash_attention=False)
    yield context
    context.close()


def next_token(model: LlamaModel, context: LlamaContext, sequence: int, start: int, tokens: list[int]) -> int:
    rows = context.decode([Rows(sequence, start, tokens, True)])
    assert rows is not None
    return context.sample(Sampler(model, GREEDY), rows[0])


def test_a_fork_goes_on_as_its_source_would(model: LlamaModel, context: LlamaContext) -> None:
    tokens = model.tokenize(TEXT)
    context.decode([Rows(0, 0, tokens[:-1], False)])
    context.fork(0, 1, len(tokens) - 1)
    context.fork(1, 2, len(tokens) - 1)
    drawn = {next_token(model, context, sequence, len(tokens) - 1, tokens[-1:]) for sequence in (2, 0, 1)}
    assert len(drawn) == 1


def test_only_memory_that_can_be_rewound_is_rewound(model: LlamaModel, context: LlamaContext) -> None:
    tokens = model.tokenize(TEXT)
    fresh = next_token(model, context, 1, 0, tokens)
    context.decode([Rows(0, 0, [*tokens, tokens[0], tokens[1]], False)])
    if model.rewindable:
        context.fork(0, 0, len(tokens) - 1)
        assert next_token(model, context, 0, len(tokens) - 1, tokens[-1:]) == fresh
    else:
        with pytest.raises(LlamaError, match="cannot be rewound"):
            context.fork(0, 0, len(tokens) - 1)


def test_a_full_memory_is_said_and_leaves_everything_as_it_was(model: LlamaModel, context: LlamaContext) -> None:
    token = model.tokenize("a")
    for start in range(0, 256, 64):
        assert context.decode([Rows(0, start, token * 64, False)]) is not None
    assert context.decode([Rows(1, 0, token, True)]) is None
    with pytest.raises(LlamaError, match="no output to sample"):
        context.sample(Sampler(model, GREEDY), 0)
    context.drop(0)
    assert context.decode([Rows(1, 0, token, True)]) is not None


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([Rows(3, 0, [1], False)], "no sequence 3"),
        ([Rows(-1, 0, [1], False)], "no sequence -1"),
        ([Rows(0, 1, [1], False)], "does not end at 1"),
        ([Rows(0, 0, [], False)], "without tokens"),
        ([Rows(0, 0, [-1], False)], "not in the vocabulary"),
        ([Rows(0, 0, [10**6], False)], "not in the vocabulary"),
        ([Rows(0, 0, [1], False), Rows(0, 0, [1], False)], "Two pieces"),
        ([Rows(0, 0, [1] * 40, False), Rows(1, 0, [1] * 40, False)], "1 to 64 tokens"),
        ([], "1 to 64 tokens"),
    ],
)
def test_a_batch_that_would_corrupt_or_abort_is_refused(
    model: LlamaModel, context: LlamaContext, pieces: list[Rows], message: str
) -> None:
    with pytest.raises(LlamaError, match=message):
        context.decode(pieces)
    assert next_token(model, context, 0, 0, model.tokenize(TEXT)) >= 0


@pytest.mark.parametrize(("source", "target", "keep"), [(0, 3, 0), (9, 0, 0), (0, 1, 1), (0, 1, -1)])
def test_a_fork_that_would_corrupt_or_abort_is_refused(
    context: LlamaContext, source: int, target: int, keep: int
) -> None:
    with pytest.raises(LlamaError):
        context.fork(source, target, keep)


def test_a_row_that_was_not_to_be_sampled_is_refused(model: LlamaModel, context: LlamaContext) -> None:
    context.decode([Rows(0, 0, [1, 2], True), Rows(1, 0, [1, 2], False)])
    sampler = Sampler(model, GREEDY)
    context.sample(sampler, 1)
    for row in (0, 3, 99):
        with pytest.raises(LlamaError, match="no output to sample"):
            context.sample(sampler, row)


def test_more_sequences_than_llama_cpp_keeps_are_refused(model: LlamaModel) -> None:
    with pytest.raises(LlamaError, match=r"at most 256 sequences, and 301 are needed.*server\.max_sessions"):
        LlamaContext(model, context_tokens=256, sequences=301, batch_tokens=64, threads=1, flash_attention=False)
