"""Whether an agent's replies are worth hearing: different from each other, and about what was asked. Pure but for the
model that judges.

A reply is about its question if a language model finds it likelier after this question than after most of the other
questions of the call: a reply that fits every question fits none. No judgement of its truth.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from llama_cpp import Llama

from benchmarks.form import ratio
from voiceagent.text import normalise
from voiceagent.weights import Store

RUN = 6
"""Words in a row that two different replies seldom share."""
OTHERS = 3
"""Other questions of the call that a reply is tried with."""
BEST = 1
"""A reply is on the topic if its own question is among this many likeliest: one reply in four is so by chance."""
CONTEXT = 512
JUDGE = "smollm2-135m-instruct-q4_1", "SmolLM2-135M-Instruct.Q4_1.gguf"


def summary(replies: Sequence[str], on_topic: Sequence[bool]) -> dict[str, float | int | None]:
    """Return what is reported of a call's replies."""
    return {
        "reply_count": len(replies),
        "distinct_replies_percent": ratio(len({normalise(reply) for reply in replies}), len(replies)),
        "replies_sharing_a_run_max": most_sharing(replies),
        "on_topic_percent": ratio(sum(on_topic), len(on_topic)),
    }


def most_sharing(replies: Sequence[str]) -> int:
    """Return in how many replies the commonest run of six words occurs."""
    counts: Counter[tuple[str, ...]] = Counter()
    for reply in replies:
        words = normalise(reply).split()
        counts.update({tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)})
    return max(counts.values(), default=0)


def exchanges(asked: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return (question as heard, reply as announced) of the voice-to-voice benchmark's samples that were answered."""
    return [(sample["understood"], sample["reply"]) for sample in asked if sample["reply"]]


def show(samples: Sequence[dict[str, Any]]) -> str:
    """Lay out a dialogue to be read; a question mark stands before replies that are off the topic."""
    return "\n".join(
        f"{' ' if sample['on_topic'] else '?'} {sample['heard']}\n      {sample['reply']}" for sample in samples
    )


def judge() -> "Judge":
    """Return a judge with the embedded model."""
    return Judge(str(Store().path(*JUDGE)))


class Judge:
    """Says which replies are about their questions, with a GGUF model."""

    def __init__(self, model: str, threads: int = 1) -> None:
        self._model = Llama(model, n_ctx=CONTEXT, n_threads=threads, logits_all=True, verbose=False)

    def on_topic(self, exchanges: Sequence[tuple[str, str]]) -> list[bool]:
        """Return for each (question, reply) whether the reply is about the question."""
        questions = [question for question, _ in exchanges]
        verdicts = []
        for own, (question, reply) in enumerate(exchanges):
            others = [questions[(own + step) % len(questions)] for step in range(1, OTHERS + 1)]
            ours = self._likelihood(question, reply)
            better = sum(self._likelihood(other, reply) > ours for other in others if other != question)
            verdicts.append(bool(reply) and better < BEST)
        return verdicts

    def _likelihood(self, question: str, reply: str) -> float:
        """Return the log probability of a reply after a question."""
        model = self._model
        head = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        prompt = model.tokenize(head.encode(), add_bos=False, special=True)
        said = model.tokenize(reply.encode(), add_bos=False)[: CONTEXT - len(prompt)]
        model.reset()  # type: ignore[no-untyped-call]
        model.eval([*prompt, *said])
        scores = np.asarray(model.scores[len(prompt) - 1 : len(prompt) + len(said) - 1], np.float64)
        top = scores.max(axis=1, keepdims=True)
        normal = top[:, 0] + np.log(np.exp(scores - top).sum(axis=1))
        return float((scores[np.arange(len(said)), said] - normal).sum())
