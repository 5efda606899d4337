"""What the agent said earlier does not come again from llama.cpp, and no two questions draw the same random numbers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_talk import SYSTEM, Caller, drive, loaded, tiny, user

from voiceagent.engines.llm.contract import ReplyOptions
from voiceagent.engines.llm.llama.engine import LlamaEngine, Sampling
from voiceagent.engines.llm.llama.stream import _seed

ASKED = (SYSTEM, user("Say something about the sea."))
GREEDY = Sampling(temperature=0.0, repeat_penalty=1.0, seed=3)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("model"), "plain")


@pytest.fixture
def engine(path: Path, request: pytest.FixtureRequest) -> Iterator[LlamaEngine]:
    engine = loaded(path, sampling=request.param)
    yield engine
    engine.close()


def tokens(engine: LlamaEngine, generation: int, options: ReplyOptions) -> list[int]:
    """Ask, and return the reply's tokens."""
    caller = Caller(engine)
    caller.stream.generate(generation, ASKED, 1.0, options=options)
    reply = caller.stream._reply
    assert reply is not None
    drive(engine)
    caller.stream.close()
    return reply.tokens[len(reply.prompt.tokens) :]


def runs(said: list[int], length: int) -> set[tuple[int, ...]]:
    return {tuple(said[at : at + length]) for at in range(len(said) - length + 1)}


def spelled(engine: LlamaEngine, said: list[int]) -> str:
    model = engine._ready.runner.model
    text = b"".join(model.piece(token) for token in said).decode("utf-8", "replace")
    assert model.tokenize(text) == said, "else the sampler would be told other tokens"
    return text


DRY = Sampling(temperature=0.0, repeat_penalty=1.0, seed=3, dry_multiplier=1000.0, dry_allowed_length=2)
OPENINGS = Sampling(temperature=0.0, repeat_penalty=1.0, seed=3, opening_penalty=1000.0)


@pytest.mark.parametrize("engine", [DRY], indirect=True)
def test_runs_of_an_earlier_reply_do_not_come_again(engine: LlamaEngine) -> None:
    first = tokens(engine, 1, ReplyOptions())
    again = tokens(engine, 2, ReplyOptions())
    assert again == first, "it is greedy"
    other = tokens(engine, 3, ReplyOptions(said=(spelled(engine, first),)))
    assert runs(other, 3).isdisjoint(runs(first, 3))
    assert other[:2] == first[:2], "shorter runs are free"


@pytest.mark.parametrize("engine", [OPENINGS], indirect=True)
def test_a_reply_does_not_begin_as_one_of_the_earlier_ones(engine: LlamaEngine) -> None:
    said: list[str] = []
    begun: list[int] = []
    for generation in range(1, 5):
        reply = tokens(engine, generation, ReplyOptions(said=tuple(said)))
        begun.append(reply[0])
        said.append(spelled(engine, reply))
    assert len(set(begun)) == len(begun)


@pytest.mark.parametrize("engine", [GREEDY], indirect=True)
def test_without_a_strength_earlier_replies_change_nothing(engine: LlamaEngine) -> None:
    first = tokens(engine, 1, ReplyOptions())
    assert tokens(engine, 2, ReplyOptions(said=(spelled(engine, first),))) == first


def test_every_prompt_has_random_numbers_of_its_own_and_the_same_prompt_the_same() -> None:
    one, other = _seed(7, [1, 2, 3], 0), _seed(7, [1, 2, 4], 0)
    assert one != other
    assert _seed(7, [1, 2, 3], 0) == one
    assert _seed(7, [1, 2, 3], 1) != one, "another attempt"
    assert _seed(8, [1, 2, 3], 0) != one, "another setting"
    assert _seed(None, [1, 2, 3], 0) is None
