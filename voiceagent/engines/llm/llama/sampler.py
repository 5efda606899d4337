"""Drawing the next token: llama.cpp's sampler chain, one per reply.

All of it runs in C over the logits in place; Python sees one integer.
"""

import weakref
from dataclasses import dataclass
from typing import Any

from llama_cpp import llama_cpp as lib

from voiceagent.engines.llm.llama.model import LlamaError, LlamaModel, forget_complaints

_RANDOM_SEED = 0xFFFFFFFF  # llama.cpp's LLAMA_DEFAULT_SEED: a seed from the system


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. A temperature of 0 is greedy and needs none of the rest but the penalty."""

    temperature: float = 0.0
    top_k: int = 40
    """Only this many of the most likely tokens; 0 for all."""
    top_p: float = 0.95
    """Only the most likely tokens that together have this probability."""
    min_p: float = 0.05
    """Only tokens at least this likely relative to the most likely one."""
    repeat_penalty: float = 1.1
    """Divides the logit of each token said in the last `repeat_window`; 1 for none."""
    repeat_window: int = 64
    seed: int | None = None
    """Makes replies repeatable; None draws a new seed for each."""
    grammar: str = ""
    """GBNF that the reply must follow, from a rule named root; empty for none. Slow: tries every token at each step."""


class Sampler:
    """A chain with the state of one reply (its tokens, its random numbers)."""

    def __init__(self, model: LlamaModel, sampling: Sampling) -> None:
        """Raises LlamaError for an invalid grammar."""
        chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        # The chain owns its links. A step under way keeps a reference, so this cannot run during it.
        weakref.finalize(self, lib.llama_sampler_free, chain)
        self._chain = chain
        links = [_grammar(model, sampling.grammar)] if sampling.grammar else []
        if sampling.repeat_penalty != 1.0:
            links.append(
                lib.llama_sampler_init_penalties(
                    model.n_vocab, sampling.repeat_window, sampling.repeat_penalty, 0.0, 0.0
                )
            )
        if sampling.temperature <= 0.0:
            links.append(lib.llama_sampler_init_greedy())
        else:
            links += [
                lib.llama_sampler_init_top_k(sampling.top_k),
                lib.llama_sampler_init_top_p(sampling.top_p, 1),
                lib.llama_sampler_init_min_p(sampling.min_p, 1),
                lib.llama_sampler_init_temp(sampling.temperature),
                lib.llama_sampler_init_dist(_RANDOM_SEED if sampling.seed is None else sampling.seed),
            ]
        for link in links:
            lib.llama_sampler_chain_add(chain, link)

    def draw(self, context: lib.llama_context_p, row: int) -> int:
        """Draw the token after one row of the context's last decode, and record it."""
        return int(lib.llama_sampler_sample(self._chain, context, row))

    def accept(self, token: int) -> None:
        """Record a token that another sampler has drawn."""
        lib.llama_sampler_accept(self._chain, token)


def _grammar(model: LlamaModel, text: str) -> Any:
    forget_complaints()
    link = lib.llama_sampler_init_grammar(model.vocabulary, text.encode(), b"root")
    if not link:
        raise LlamaError("The grammar is not GBNF with a rule named root")
    return link
