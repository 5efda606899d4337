import gc
from collections.abc import Iterator
from dataclasses import replace

import pytest
from llama_cpp import llama_cpp as lib
from llama_talk import tiny

from voiceagent.engines.llm.llama.context import LlamaContext, Rows
from voiceagent.engines.llm.llama.model import LlamaError, LlamaModel
from voiceagent.engines.llm.llama.sampler import Sampler, Sampling

WIDE = Sampling(temperature=5.0, top_k=0, top_p=1.0, min_p=0.0, repeat_penalty=1.0, seed=1)


class Draws:
    """A model whose last row may be drawn from again and again."""

    def __init__(self, model: LlamaModel) -> None:
        self.model = model
        self._context = LlamaContext(
            model, context_tokens=256, sequences=1, batch_tokens=64, threads=1, flash_attention=False
        )
        rows = self._context.decode([Rows(0, 0, model.tokenize("Hello there"), True)])
        assert rows is not None
        self._row = rows[0]

    def __call__(self, sampling: Sampling, count: int = 30) -> list[int]:
        sampler = Sampler(self.model, sampling)
        return [self._context.sample(sampler, self._row) for _ in range(count)]

    def close(self) -> None:
        self._context.close()
        self.model.close()


@pytest.fixture(scope="module")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Draws]:
    draws = Draws(LlamaModel(tiny(tmp_path_factory.mktemp("model"), "plain")))
    yield draws
    draws.close()


def test_without_temperature_the_likeliest_is_taken(draw: Draws) -> None:
    assert len(set(draw(Sampling(temperature=0.0, repeat_penalty=1.0)))) == 1


def test_what_was_said_is_penalised(draw: Draws) -> None:
    assert len(set(draw(Sampling(temperature=0.0, repeat_penalty=3.0)))) > 5


def test_draws_repeat_with_their_seed_only(draw: Draws) -> None:
    assert draw(WIDE) == draw(WIDE)
    assert draw(WIDE) != draw(replace(WIDE, seed=2))
    unseeded = replace(WIDE, seed=None)
    assert draw(unseeded) != draw(unseeded)


def test_each_cut_leaves_fewer_tokens_to_choose_from(draw: Draws) -> None:
    everything = len(set(draw(WIDE, 200)))
    assert len(set(draw(replace(WIDE, top_k=3), 200))) == 3
    assert len(set(draw(replace(WIDE, top_p=0.2), 200))) < everything
    assert len(set(draw(replace(WIDE, min_p=0.5), 200))) < everything


def test_a_chain_is_freed_with_its_sampler(draw: Draws, monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[object] = []
    monkeypatch.setattr(lib, "llama_sampler_free", freed.append)
    draw(WIDE, 1)
    gc.collect()
    assert len(freed) == 1


def test_a_grammar_decides_what_may_be_said(draw: Draws) -> None:
    def said(grammar: str, count: int) -> bytes:
        return b"".join(map(draw.model.piece, draw(replace(WIDE, grammar=grammar), count)))

    assert said('root ::= "well"', 5) == b"well<|im_end|>", "the model ends it"
    number, _, _ = said("root ::= [0-9]+", 30).partition(b"<|im_end|>")
    assert number.isdigit(), "however early the model ends it"


def test_a_grammar_that_is_none_is_refused(draw: Draws, capfd: pytest.CaptureFixture[str]) -> None:
    for grammar in ("root ::= (", 'greeting ::= "hi"', "hello"):
        with pytest.raises(LlamaError, match="not GBNF with a rule named root"):
            draw(Sampling(grammar=grammar))
