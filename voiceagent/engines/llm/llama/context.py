"""The memory of many sequences and the one batch that advances them, through llama.cpp's C API.

llama.cpp aborts the process or corrupts neighbouring sequences on several wrong arguments (an id out of range, more
tokens than the batch holds, a partial copy), so every call is checked here first, and so is every return code. Only the
lane's thread may use a LlamaContext. There is no abort callback: stopping a decode midway damages other sequences of
hybrid models, so work is cancelled between small steps instead.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from llama_cpp import llama_cpp as lib
from numpy.typing import NDArray

from voiceagent.engines.llm.llama.gguf_memory import KvType
from voiceagent.engines.llm.llama.model import LlamaError, LlamaModel, forget_complaints
from voiceagent.engines.llm.llama.sampler import Sampler

_KV_TYPES: dict[KvType, int] = {"f16": lib.GGML_TYPE_F16, "q8_0": lib.GGML_TYPE_Q8_0, "q4_0": lib.GGML_TYPE_Q4_0}
_MEMORY_FULL = 1  # llama_decode: no free cells; nothing was changed


@dataclass(frozen=True, slots=True)
class Rows:
    """Tokens to append to the first `start` that a sequence holds; `sample` if the next token will be drawn."""

    sequence: int
    start: int
    tokens: Sequence[int]
    sample: bool
    looked_at: int | None = None
    """The position of a token whose successor's chances are asked for (`chance`); None, or one of these."""


class LlamaContext:
    """One context: `sequences` sequences over one unified memory of `context_tokens` cells.

    `batch_tokens` limits one decode. Raises LlamaError if it cannot be created, for example for lack of memory.
    """

    def __init__(
        self,
        model: LlamaModel,
        *,
        context_tokens: int,
        sequences: int,
        batch_tokens: int,
        threads: int,
        flash_attention: bool,
        kv_type: KvType = "f16",
    ) -> None:
        if sequences > (most := lib.llama_max_parallel_sequences()):
            raise LlamaError(
                f"llama.cpp keeps at most {most} sequences, and {sequences} are needed, some for each session: "
                "lower server.max_sessions, or set llm.checkpoints to 1"
            )
        forget_complaints()
        params = lib.llama_context_default_params()
        params.n_ctx = context_tokens
        params.n_batch = params.n_ubatch = batch_tokens
        params.n_seq_max = sequences
        # The minimum llama.cpp accepts (fewer than sequences aborts), and all that is needed: a token for each.
        params.n_outputs_max = sequences
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = int(flash_attention)
        params.type_k = params.type_v = _KV_TYPES[kv_type]
        # Unified: copies of a sequence share its cells, and any set of sequences can form one batch.
        params.kv_unified = True
        params.no_perf = True
        handle = lib.llama_init_from_model(model.handle, params)
        memory = lib.llama_get_memory(handle) if handle else None
        if handle is None or memory is None:
            raise LlamaError(
                f"{model.path} cannot have a context of {context_tokens} tokens: there is too little memory "
                "(choose a smaller context), or it does not generate text"
            )
        self._model = model
        self._handle = handle
        self._memory = memory
        self._room = batch_tokens
        self._batch = lib.llama_batch_init(batch_tokens, 0, 1)
        self._lengths = [0] * sequences
        self._sampled: set[int] = set()
        self._looked_at: list[int | None] = []
        """The row of the token looked at in each piece of the last decode."""

    def decode(self, pieces: Sequence[Rows]) -> list[int] | None:
        """Compute the pieces in one batch; return the row of each one's last token, for `sample`.

        None if the memory is full: then nothing has changed. Raises LlamaError on any other failure; the sequences
        involved must then be dropped.
        """
        self._check(pieces)
        batch, row = self._batch, 0
        last: list[int] = []
        self._looked_at = [None] * len(pieces)
        for number, piece in enumerate(pieces):
            for position, token in enumerate(piece.tokens, piece.start):
                batch.token[row] = token
                batch.pos[row] = position
                batch.n_seq_id[row] = 1
                batch.seq_id[row][0] = piece.sequence
                batch.logits[row] = int(position == piece.looked_at)
                if position == piece.looked_at:
                    self._looked_at[number] = row
                row += 1
            batch.logits[row - 1] |= int(piece.sample)
            last.append(row - 1)
        batch.n_tokens = row
        forget_complaints()
        code = lib.llama_decode(self._handle, batch)
        self._sampled = {row for row, piece in zip(last, pieces, strict=True) if piece.sample and code == 0}
        if code == _MEMORY_FULL:
            return None
        if code != 0:
            raise LlamaError(f"llama_decode failed with {code}")
        for piece in pieces:
            self._lengths[piece.sequence] += len(piece.tokens)
        return last

    def sample(self, sampler: Sampler, row: int) -> int:
        """Draw the token that follows a row of the last decode."""
        if row not in self._sampled:
            raise LlamaError(f"Row {row} of the batch has no output to sample")
        return sampler.draw(self._handle, row)

    def chance(self, piece: int, tokens: NDArray[np.intp]) -> float:
        """Return the probability of one of `tokens` after the token looked at in a piece of the last decode."""
        row = self._looked_at[piece]
        if row is None:
            raise LlamaError(f"No token of piece {piece} was to be looked at")
        values = np.ctypeslib.as_array(lib.llama_get_logits_ith(self._handle, row), (self._model.n_vocab,))
        chances = np.exp(values - values.max(), dtype=np.float64)
        return float(chances[tokens].sum() / chances.sum())

    def is_finite(self, row: int) -> bool:
        """Return whether a row of the last decode is finite; one logit shows it, because the final norm mixes all."""
        return isfinite(lib.llama_get_logits_ith(self._handle, row)[0])

    def clear(self) -> None:
        """Empty all sequences and overwrite their cells: a NaN in a cell spoils the attention of the others."""
        lib.llama_memory_clear(self._memory, True)
        self._lengths = [0] * len(self._lengths)

    def fork(self, source: int, target: int, keep: int) -> None:
        """Make `target` hold the first `keep` tokens of `source`, sharing its cells; 0 empties it.

        A `keep` shorter than the source requires a model that can be rewound.
        """
        length = self._length(source)
        if not 0 <= keep <= length:
            raise LlamaError(f"Sequence {source} holds {length} tokens, not {keep}")
        if source != target:
            self.drop(target)
            # Copied whole, then cut: a partial copy silently corrupts hybrid memory.
            lib.llama_memory_seq_cp(self._memory, source, target, -1, -1)
            self._lengths[target] = length
        if keep == 0:
            self.drop(target)
        elif keep < length:
            if not (self._model.rewindable and lib.llama_memory_seq_rm(self._memory, target, keep, -1)):
                raise LlamaError("This model's memory cannot be rewound")
            self._lengths[target] = keep

    def copy_to(self, other: "LlamaContext", source: int, target: int) -> None:
        """Copy the cells of `source` to `target` in another context of the same model.

        The other context must hold nothing else: the copy needs contiguous cells.
        """
        length = self._length(source)
        other.drop(target)
        if length == 0:
            return
        size = lib.llama_state_seq_get_size(self._handle, source)
        state = (ctypes.c_uint8 * size)()
        if (
            lib.llama_state_seq_get_data(self._handle, state, size, source) != size
            or lib.llama_state_seq_set_data(other._handle, state, size, target) == 0
        ):
            raise LlamaError(f"Sequence {source} cannot be copied")
        other._lengths[target] = length

    def drop(self, sequence: int) -> None:
        """Empty a sequence, whatever it holds."""
        self._length(sequence)
        if not lib.llama_memory_seq_rm(self._memory, sequence, -1, -1):
            raise LlamaError(f"Sequence {sequence} cannot be dropped")
        self._lengths[sequence] = 0

    def close(self) -> None:
        """Free the context. The model stays."""
        lib.llama_batch_free(self._batch)
        lib.llama_free(self._handle)

    def _length(self, sequence: int) -> int:
        if not 0 <= sequence < len(self._lengths):
            raise LlamaError(f"There is no sequence {sequence}")
        return self._lengths[sequence]

    def _check(self, pieces: Sequence[Rows]) -> None:
        for piece in pieces:
            if self._length(piece.sequence) != piece.start:
                raise LlamaError(f"Sequence {piece.sequence} does not end at {piece.start}")
            if not piece.tokens:
                raise LlamaError("A piece without tokens")
            if min(piece.tokens) < 0 or max(piece.tokens) >= self._model.n_vocab:
                raise LlamaError("A token is not in the vocabulary")
        if len({piece.sequence for piece in pieces}) != len(pieces):
            raise LlamaError("Two pieces for one sequence")
        if not 0 < sum(len(piece.tokens) for piece in pieces) <= self._room:
            raise LlamaError(f"A batch holds 1 to {self._room} tokens")
