"""A language model whose numbers break down: who asked is told, all others are read again and hear nothing of it."""

from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader
from llama_talk import SYSTEM, Caller, Oracle, drive, loaded, reply, step, tiny, user

from benchmarks.dummies.gguf_shape import Kind
from voiceagent.engines.llm.llama.model import LlamaModel
from voiceagent.engines.llm.llama.runner import StepResult

POISON = "~"
"""A token whose embedding is not a number."""


def poisoned(path: Path) -> Path:
    model = LlamaModel(path)
    token = model.tokenize(POISON)[-1]
    model.close()
    reader = GGUFReader(path, "r+")
    (embedding,) = (tensor for tensor in reader.tensors if tensor.name == "token_embd.weight")
    embedding.data[token] = np.nan
    reader.data.flush()
    return path


CONTEXTS = [("plain", False), ("plain", True), ("hybrid", False), ("hybrid", True)]


@pytest.mark.parametrize(("kind", "flash_attention"), CONTEXTS)
def test_a_reply_that_is_no_numbers_fails_and_its_stream_is_well_again(
    kind: Kind, flash_attention: bool, tmp_path: Path
) -> None:
    path = poisoned(tiny(tmp_path, kind))
    oracle = Oracle(path)
    engine = loaded(path, flash_attention=flash_attention)
    caller = Caller(engine)
    caller.stream.generate(1, (SYSTEM, user(f"What does {POISON} mean?")), 1.0)
    drive(engine)
    (failure,) = caller.failures
    assert failure.tag == 1
    assert "output is not a number" in str(failure.error)
    assert caller.text(1) == ""
    asked = (SYSTEM, user("What do you mean?"))
    assert reply(engine, caller, 2, *asked) == oracle.reply(*asked)
    engine.close()
    oracle.close()


@pytest.mark.parametrize(("kind", "flash_attention"), CONTEXTS)
def test_others_do_not_notice(kind: Kind, flash_attention: bool, tmp_path: Path) -> None:
    path = poisoned(tiny(tmp_path, kind))
    oracle = Oracle(path)
    engine = loaded(path, flash_attention=flash_attention, streams_per_step=1)
    victim, bystander = Caller(engine), Caller(engine)
    asked = (SYSTEM, user("How are you?"))
    bystander.stream.generate(1, asked, 2.0)
    while not bystander.text(1):
        step(engine)
    victim.stream.generate(1, (SYSTEM, user(POISON)), 1.0)  # more urgent: all of it is read before the other goes on
    drive(engine)
    assert victim.failures
    assert not bystander.failures
    assert bystander.text(1) == oracle.reply(*asked)
    engine.close()
    oracle.close()


def test_what_a_step_emptied_after_it_was_given_up_is_known(tmp_path: Path) -> None:
    path = poisoned(tiny(tmp_path, "plain"))
    oracle = Oracle(path)
    engine = loaded(path)
    victim, bystander = Caller(engine), Caller(engine)
    asked = (SYSTEM, user("How are you?"))
    reply(engine, bystander, 1, *asked)
    victim.stream.generate(1, (SYSTEM, user(POISON)), 1.0)
    while not victim.failures:
        batch = engine.pending(0.0)
        assert batch is not None
        results = engine.run(batch)
        assert isinstance(results, StepResult)
        if results.broken:
            engine.fail(batch, TimeoutError())
            engine.discard(batch, results)
        else:
            engine.deliver(batch, results)
    assert reply(engine, bystander, 2, *asked) == oracle.reply(*asked)
    assert not bystander.failures
    engine.close()
    oracle.close()
