"""The memory of many sequences as separate contexts: one per stream, and one for the prefix that all share.

Attention reads every cell of a context, of every sequence, and masks the cells of others. On a CPU that is slow: with
eight conversations in one context each token took 2.5 times as long as with one. In separate contexts a token's cost
depends on its own conversation only. The price: a step serves one stream, each has its full memory from the start, and
the shared prefix is copied into each context (a millisecond for 100 tokens of SmolLM2).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.llm.llama.context import LlamaContext, Rows
from voiceagent.engines.llm.llama.model import LlamaError
from voiceagent.engines.llm.llama.sampler import Sampler


class LlamaContexts:
    """Does what a LlamaContext does. The shared sequence 0 is in the first of `count` contexts; each other one has
    `each` sequences. Raises what `make`, which creates one, raises.
    """

    def __init__(self, count: int, make: Callable[[], LlamaContext], each: int) -> None:
        self._each = each
        self._contexts: list[LlamaContext] = []
        try:
            for _ in range(count):
                self._contexts.append(make())
        except LlamaError:
            self.close()
            raise
        self._last = self._contexts[0]
        """The context of the last decode."""

    def decode(self, pieces: Sequence[Rows]) -> list[int] | None:
        """As LlamaContext; all pieces of one context."""
        places = [self._place(piece.sequence) for piece in pieces]
        if len({id(context) for context, _ in places}) != 1:
            raise LlamaError("A step serves one stream if each has a context of its own")
        self._last = places[0][0]
        return self._last.decode(
            [replace(piece, sequence=local) for piece, (_, local) in zip(pieces, places, strict=True)]
        )

    def sample(self, sampler: Sampler, row: int) -> int:
        """Draw the token that follows a row of the last decode."""
        return self._last.sample(sampler, row)

    def chance(self, piece: int, tokens: NDArray[np.intp]) -> float:
        """Return the probability of one of `tokens` after the token looked at in a piece of the last decode."""
        return self._last.chance(piece, tokens)

    def is_finite(self, row: int) -> bool:
        """Return whether a row of the last decode is finite."""
        return self._last.is_finite(row)

    def clear(self) -> None:
        """Empty all sequences and overwrite their cells."""
        for context in self._contexts:
            context.clear()

    def fork(self, source: int, target: int, keep: int) -> None:
        """As LlamaContext. Between contexts the cells are copied; the target context must hold nothing else."""
        (there, from_), (here, to) = self._place(source), self._place(target)
        if there is not here:
            there.copy_to(here, from_, to)
            from_ = to
        here.fork(from_, to, keep)

    def drop(self, sequence: int) -> None:
        """Empty a sequence, whatever it holds."""
        context, local = self._place(sequence)
        context.drop(local)

    def close(self) -> None:
        """Free the contexts. The model stays."""
        for context in self._contexts:
            context.close()

    def _place(self, sequence: int) -> tuple[LlamaContext, int]:
        """Return the context of a sequence, and its number there."""
        if not 0 <= sequence <= self._each * (len(self._contexts) - 1):
            raise LlamaError(f"There is no sequence {sequence}")
        if sequence == 0:
            return self._contexts[0], 0
        stream, local = divmod(sequence - 1, self._each)
        return self._contexts[1 + stream], local
