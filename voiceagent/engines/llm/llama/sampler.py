"""Drawing the next token: llama.cpp's sampler chain, one per reply.

All of it runs in C over the logits in place; Python sees one integer.
"""

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from llama_cpp import llama_cpp as lib

from voiceagent.engines.llm.llama.model import LlamaError, LlamaModel, forget_complaints

_RANDOM_SEED = 0xFFFFFFFF  # llama.cpp's LLAMA_DEFAULT_SEED: a seed from the system
DRY_LIKELIEST = 64
"""DRY looks at this many of the likeliest tokens: at all of them it takes as long as a small model's arithmetic."""
DRY_WINDOW = 1024
"""Tokens of earlier replies that DRY remembers."""
OPENING, OPENINGS = 4, 8
"""The tokens with which a reply begins, and how many replies' are remembered."""
BREAKERS = ("\n", ":", '"', "*")
"""No repeated run of words reaches across these."""


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
    dry_multiplier: float = 0.0
    """Strength of DRY ("don't repeat yourself"), which lowers the token that would make a run of words said before
    longer; 0 for none."""
    dry_base: float = 1.75
    """Each token of the run beyond the allowed ones multiplies the effect by this."""
    dry_allowed_length: int = 6
    """Runs of this many tokens may occur again."""
    opening_penalty: float = 0.0
    """Strength of DRY for the first tokens of a reply, of which none may be as in an earlier one; 0 for none."""
    seed: int | None = None
    """Makes replies repeatable; None draws a new seed for each."""
    grammar: str = ""
    """GBNF that the reply must follow, from a rule named root; empty for none. Slow: tries every token at each step."""


class Dry:
    """llama.cpp's DRY sampler for one vocabulary: it takes long to make (it looks for the breakers in every token), and
    little to copy. Source: github.com/oobabooga/text-generation-webui, pull request 5677.

    There are two: of runs of words anywhere, and of how replies begin. A model that sees some of its replies begin
    alike lets all others begin so.
    """

    def __init__(self, model: LlamaModel, sampling: Sampling) -> None:
        self._runs = _dry(model, sampling.dry_multiplier, sampling.dry_base, sampling.dry_allowed_length)
        self._openings = _dry(model, sampling.opening_penalty, sampling.dry_base, 1)
        for link in (self._runs, self._openings):
            weakref.finalize(self, lib.llama_sampler_free, link)
        self._tokenize = lru_cache(maxsize=256)(model.tokenize)
        self._begin = model.tokenize(model.eos)[:1]
        self._break = model.tokenize("\n")

    def after(self, said: Sequence[str]) -> list[Any]:
        """Return links for the reply after these replies, of which they know the last DRY_WINDOW tokens."""
        tokens: list[int] = []
        for reply in reversed(said):
            if len(tokens) >= DRY_WINDOW:
                break
            tokens = [*self._tokenize(reply), *self._break, *tokens]
        begun = [self._tokenize(reply)[:OPENING] for reply in said[-OPENINGS:]]
        openings = [token for opening in begun for token in (*self._begin, *opening, *self._break)]
        return [_primed(self._runs, tokens[-DRY_WINDOW:]), _primed(self._openings, [*openings, *self._begin])]


class Sampler:
    """A chain with the state of one reply (its tokens, its random numbers)."""

    def __init__(self, model: LlamaModel, sampling: Sampling, dry: Dry | None = None, said: Sequence[str] = ()) -> None:
        """`dry` keeps it from repeating `said`, earlier replies. Raises LlamaError for an invalid grammar."""
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
        if dry is not None:
            links += [lib.llama_sampler_init_top_k(max(sampling.top_k, DRY_LIKELIEST)), *dry.after(said)]
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


def _dry(model: LlamaModel, multiplier: float, base: float, allowed: int) -> Any:
    texts = (ctypes.c_char_p * len(BREAKERS))(*(text.encode() for text in BREAKERS))
    return lib.llama_sampler_init_dry(model.vocabulary, multiplier, base, allowed, DRY_WINDOW, texts, len(BREAKERS))


def _primed(link: Any, tokens: Sequence[int]) -> Any:
    """Return a copy of a link that has seen these tokens."""
    copy = lib.llama_sampler_clone(link)
    for token in tokens:
        lib.llama_sampler_accept(copy, token)
    return copy
