"""Replies against those of `llama_cpp.Llama`, which serves one conversation at a time and is not ours.

Where llama.cpp computes the same whatever shares the batch (a Q8_0 hybrid, float32), greedy tokens are equal. SmolLM2's
are compared within a tolerance: its sums depend on the size of the batch, and where two tokens are nearly as likely
that decides between them.
"""

from collections.abc import Callable
from pathlib import Path

import embedded
import numpy as np
import pytest
from llama_cpp import Llama
from llama_talk import SYSTEM, Caller, agent, loaded, user

from benchmarks.dummies.gguf_model import write
from benchmarks.dummies.gguf_shape import Kind, Weights
from voiceagent.engines.contract import Need
from voiceagent.engines.llm.llama.engine import LlamaEngine
from voiceagent.engines.llm.llama.runner import StepResult
from voiceagent.engines.llm.llama.stream import Reply

REPLY = 24
NEAR = 1.0
"""Logits: by how much SmolLM2's may differ between batches, measured up to 0.4."""

Replies = dict[Reply, list[int]]
Conversation = Callable[[LlamaEngine], Replies]


def step(engine: LlamaEngine, replies: Replies, count: int = 1) -> bool:
    """Run steps, and write down the tokens of every reply."""
    for _ in range(count):
        if (batch := engine.pending(0.0)) is None:
            return False
        results = engine.run(batch)
        assert isinstance(results, StepResult)
        for piece, drawn in results.drawn.items():
            assert isinstance(piece.work, Reply)
            replies.setdefault(piece.work, piece.work.tokens[len(piece.work.prompt.tokens) :]).append(drawn.token)
        engine.deliver(batch, results)
    return True


def alone(engine: LlamaEngine) -> Replies:
    """One conversation of two turns."""
    replies: Replies = {}
    caller = Caller(engine)
    caller.stream.generate(1, (SYSTEM, user("Tell me about the sea.")), 1.0)
    while step(engine, replies):
        pass
    caller.stream.generate(2, (SYSTEM, user("Tell me about the sea."), agent(caller.text(1)), user("And why?")), 1.0)
    while step(engine, replies):
        pass
    caller.stream.close()
    return replies


def together(engine: LlamaEngine) -> Replies:
    """Four people who join, interrupt, go on talking, leave and are followed by another."""
    replies: Replies = {}
    ann, bob, cat = (Caller(engine) for _ in range(3))
    sea = (SYSTEM, user("Tell me about the sea."))
    ann.stream.generate(1, sea, 1.0)
    step(engine, replies, 8)
    bob.stream.generate(1, (SYSTEM, user("What can you do?")), 1.0)
    step(engine, replies, 6)
    cat.stream.prepare((SYSTEM,))
    cat.stream.generate(1, (SYSTEM, user("Name the capital")), 1.0, need=Need.SPECULATIVE)
    step(engine, replies, 4)
    ann.stream.cancel(1)
    ann.stream.generate(2, (*sea, agent(ann.text(1)[:4]), user("Shorter, please.")), 1.0)
    step(engine, replies, 6)
    cat.stream.generate(2, (SYSTEM, user("Name the capital of France.")), 0.5)
    step(engine, replies, 6)
    bob.stream.close()
    dan = Caller(engine)
    dan.stream.generate(1, sea, 2.0)
    while step(engine, replies):
        pass
    assert all(caller.ended(generation) for caller, generation in ((ann, 2), (cat, 2), (dan, 1)))
    for caller in (ann, cat, dan):
        caller.stream.close()
    return replies


class Reference:
    """llama.cpp as its own Python package drives it."""

    def __init__(self, path: Path) -> None:
        self._llama = Llama(str(path), n_ctx=1024, n_batch=512, n_threads=1, logits_all=True, verbose=False)

    def tokens(self, prompt: list[int], count: int) -> list[int]:
        """Return the `count` likeliest tokens after a prompt."""
        drawn = self._llama.generate(prompt, top_k=1, temp=0.0, repeat_penalty=1.0)
        return [token for token, _ in zip(drawn, range(count), strict=False)]

    def shortfalls(self, prompt: list[int], reply: list[int]) -> list[float]:
        """Return by how much each token's logit stays behind the likeliest one's."""
        self._llama.reset()
        self._llama.eval(prompt + reply)
        logits = self._llama.scores[len(prompt) - 1 : len(prompt) + len(reply) - 1]
        return [float(np.max(row) - row[token]) for row, token in zip(logits, reply, strict=True)]

    def close(self) -> None:
        self._llama.close()


@pytest.mark.parametrize("conversation", [alone, together])
@pytest.mark.parametrize(("kind", "weights"), [("plain", "f32"), ("hybrid", "f32"), ("hybrid", "q8_0")])
def test_greedy_tokens_are_those_of_llama_cpp_itself(
    kind: Kind, weights: Weights, conversation: Conversation, tmp_path: Path
) -> None:
    path = write(tmp_path / "dummy.gguf", kind, weights=weights, seed=1)
    engine, reference = loaded(path, max_tokens=REPLY), Reference(path)
    replies = conversation(engine)
    assert len(replies) >= 2
    for reply, tokens in replies.items():
        assert tokens == reference.tokens(reply.prompt.tokens, len(tokens))
    engine.close()
    reference.close()


@pytest.fixture(scope="module")
def smollm2() -> Path:
    return embedded.model_file("smollm2-135m-instruct-q4_1", "SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.mark.models
@pytest.mark.parametrize("conversation", [pytest.param(alone, marks=pytest.mark.thorough), together])
def test_smollm2_says_what_llama_cpp_itself_finds_likeliest_or_as_good(
    smollm2: Path, conversation: Conversation
) -> None:
    engine, reference = loaded(smollm2, max_tokens=REPLY, session_tokens=512, context_tokens=2048), Reference(smollm2)
    shortfalls = []
    for reply, tokens in conversation(engine).items():
        shortfalls += reference.shortfalls(reply.prompt.tokens, tokens)
    assert max(shortfalls) < NEAR
    assert sum(shortfall == 0 for shortfall in shortfalls) > 0.9 * len(shortfalls)
    engine.close()
    reference.close()
