"""A model and its context, and the steps that are carried out on them.

Only the lane's thread uses a Runner. Of a plan it reads what never changes (ids, tokens), and the samplers, which it
alone uses; it knows no streams and no events.
"""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.llm.llama.common import Drawn
from voiceagent.engines.llm.llama.context import LlamaContext, Rows
from voiceagent.engines.llm.llama.context_shape import ContextShape
from voiceagent.engines.llm.llama.contexts import LlamaContexts
from voiceagent.engines.llm.llama.model import LlamaModel
from voiceagent.engines.llm.llama.plan import Piece, Plan, Slot
from voiceagent.engines.llm.llama.sampler import Sampler, Sampling
from voiceagent.engines.recording import RECORDING


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of a step."""

    drawn: dict[Piece, Drawn]
    endings: dict[Piece, float]
    """How likely the words of a user are to end where they do."""
    given_up: list[Slot]
    """Spare slots that had to make room; they are empty now."""
    lost: list[Piece]
    """Pieces for which the memory had no room; all sequences of their streams are empty now."""
    broken: list[Piece] = field(default_factory=list)
    """Pieces whose output is not finite. All sequences of all streams are empty now: all attend to these cells."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Carries out plans."""

    model: LlamaModel
    context: LlamaContext | LlamaContexts
    ends: NDArray[np.intp]
    """The tokens that end a sentence or a message."""

    @classmethod
    def of(cls, model: LlamaModel, shape: ContextShape, *, threads: int) -> "Runner":
        """Create the model's context, or one for each stream. Raises LlamaError, as for lack of memory."""
        make = partial(
            LlamaContext,
            model,
            context_tokens=shape.context_tokens,
            sequences=shape.sequences,
            batch_tokens=shape.batch_tokens,
            threads=threads,
            flash_attention=shape.flash_attention,
            kv_type=shape.kv_type,
        )
        apart = shape.contexts > 1
        context = LlamaContexts(shape.contexts, make, shape.sequences_per_stream) if apart else make()
        ends = [token for token in range(model.n_vocab) if model.ends_words(token)]
        return cls(model, context, np.array(ends, np.intp))

    def warm_up(self, shape: ContextShape, sampling: Sampling, *, on_gpu: bool) -> None:
        """Run the largest and the smallest batch once, and on a GPU those between them, which have kernels of their
        own: first use maps the weights, fills caches and loads kernels.
        """
        token = self.model.tokenize("Hello")[0]
        size, streams = shape.batch_tokens, shape.streams_per_step
        if not on_gpu:
            self._try([Rows(0, 0, [token] * size, True)], sampling)
            self._try([Rows(0, size, [token], True)], sampling)
        else:
            with RECORDING:
                for tokens in (*_powers(size), size):
                    self._try([Rows(0, 0, [token] * tokens, True)], sampling)
                    self.context.drop(0)
                for count in (*_powers(streams), streams):
                    self._try([Rows(stream, 0, [token], True) for stream in range(count)], sampling)
                    for stream in range(count):
                        self.context.drop(stream)
        self.context.drop(0)

    def run(self, planned: Plan) -> StepResult:
        """Carry out a plan. If memory is full, others make room: first streams not in the step, then the least urgent.

        Streams not in the step are read again when they need it; the least urgent reply fails.
        """
        for sequence in planned.drops:
            self.context.drop(sequence.id)
        for piece in planned.pieces:
            for fork in piece.forks:
                self.context.fork(fork.source.id, fork.target.id, fork.keep)
        pieces = [piece for piece in planned.pieces if piece.tokens]
        spare, given_up, lost = list(planned.spare), list[Slot](), list[Piece]()
        while pieces:
            rows = self.context.decode(
                [
                    Rows(piece.work.sequence.id, piece.start, piece.tokens, piece.sample, piece.looked_at)
                    for piece in pieces
                ]
            )
            if rows is not None:
                return self._draw(pieces, rows, given_up, lost)
            if spare:
                given_up.append(spare.pop(0))
            else:
                lost.append(pieces.pop())
            for sequence in lost[-1].work.own if lost else given_up[-1].all:
                self.context.drop(sequence.id)
        return StepResult({}, {}, given_up, lost)

    def close(self) -> None:
        """Free the context and the model."""
        self.context.close()
        self.model.close()

    def _draw(self, pieces: list[Piece], rows: list[int], given_up: list[Slot], lost: list[Piece]) -> StepResult:
        """Draw a token for each piece that wants one, at its row of the output."""
        sampled = {piece: row for piece, row in zip(pieces, rows, strict=True) if piece.sample}
        sound = {piece: row for piece, row in sampled.items() if self.context.is_finite(row)}
        drawn = {
            piece: self._drawn(piece.work.sampler, row)
            for piece, row in sound.items()
            if piece.work.sampler is not None
        }
        endings = {
            piece: self.context.chance(number, self.ends)
            for number, piece in enumerate(pieces)
            if piece.looked_at is not None
        }
        broken = [piece for piece in sampled if piece not in sound]
        if broken:
            self.context.clear()
        return StepResult(drawn, endings, given_up, lost, broken)

    def _drawn(self, sampler: Sampler, row: int) -> Drawn:
        token = self.context.sample(sampler, row)
        return Drawn(token, self.model.piece(token), self.model.is_end(token))

    def _try(self, rows: list[Rows], sampling: Sampling) -> None:
        last = self.context.decode(rows)
        if last is not None:
            self.context.sample(Sampler(self.model, sampling), last[0])


def _powers(limit: int) -> list[int]:
    """Return the powers of two below `limit`."""
    return [2**power for power in range(limit.bit_length()) if 2**power < limit]
