"""Greedy RNN-T decoding of several streams at once, one move of each per round.

In a round every unfinished stream scores the next symbol at its frame: a blank moves it to the next frame, a token is
emitted and fed to the prediction network. A round is the same work for every stream, so rounds can be batched and
captured; a finished stream idles. NeMo's limit of `max_symbols` per frame applies.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from voiceagent.engines.asr.nemotron.fused_round import FusedRound, can_be_fused

SCORE = 1e-4
"""The unit of log probabilities."""


@dataclass(slots=True)
class Progress:
    """How far a batch of streams is in its chunk."""

    projected: Tensor
    """(batch, frames, joint) of the encoder's frames."""
    frame: Tensor
    """(batch,) int64: a stream's current frame; the number of frames once it is done."""
    symbols: Tensor
    """(batch,) int64: tokens at that frame."""
    count: Tensor
    """(batch,) int64: tokens of the chunk."""
    tokens: Tensor
    """(batch, most + 1) int64; the last column takes discarded values."""
    frames: Tensor
    """(batch, most + 1) int64: the frame of each token."""
    scores: Tensor
    """(batch, most + 1) int64: the log probability of each token, in units of SCORE: integers travel in one copy."""


class GreedyTransducer:
    """The decoder and joint network of a NeMo `EncDecRNNTModel` over `slots` streams."""

    def __init__(self, decoder: Any, joint: Any, max_symbols: int, slots: int) -> None:
        self._decoder = decoder
        self._joint = joint
        self._max_symbols = max_symbols
        self._blank = int(decoder.blank_idx)
        weight = joint.pred.weight
        self._device = weight.device
        sos = torch.full((1, 1), self._blank, device=self._device)
        self._layers, self._hidden = int(decoder.pred_rnn_layers), int(decoder.pred_hidden)
        nothing = [torch.zeros(self._layers, 1, self._hidden, dtype=weight.dtype, device=self._device)] * 2
        predicted, (hidden, cell) = decoder.predict(sos, nothing, add_sos=False)
        self._initial = (joint.pred(predicted[:, 0]), hidden, cell)
        self._predicted = self._initial[0].repeat(slots, 1)
        self._rnn = [state.repeat(1, slots, 1) for state in self._initial[1:]]
        fused = can_be_fused(decoder, joint, self._device)
        self._fused = FusedRound(decoder, joint, self._blank, max_symbols, SCORE) if fused else None

    @property
    def state(self) -> tuple[tuple[Tensor, int], ...]:
        """A stream's whole state: tensors, and the slot dimension of each."""
        return (self._predicted, 0), (self._rnn[0], 1), (self._rnn[1], 1)

    def reset(self, slot: int) -> None:
        """Reset a slot."""
        self._predicted[slot] = self._initial[0][0]
        for state, initial in zip(self._rnn, self._initial[1:], strict=True):
            state[:, slot] = initial[:, 0]

    def start(self, encoded: Tensor) -> Progress:
        """Begin with (batch, frames, width) of the encoder's output."""
        batch, frames = encoded.shape[:2]
        most = frames * self._max_symbols + 1

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(batch, *shape, dtype=torch.int64, device=self._device)

        return Progress(self._joint.enc(encoded), zeros(), zeros(), zeros(), zeros(most), zeros(most), zeros(most))

    def round(self, at: Progress, slots: Tensor, *, skip: bool = False) -> None:
        """Let every stream make one move. With `skip`, do not run the prediction network if no token was emitted (a
        check that would make a GPU wait).
        """
        if self._fused:
            self._fused(at, slots, self._predicted, *self._rnn)
            return
        frames = at.projected.shape[1]
        active = at.frame < frames
        index = at.frame.clamp(max=frames - 1)[:, None, None].expand(-1, 1, at.projected.shape[2])
        scored = self._joint.joint_net(at.projected.gather(1, index)[:, 0] + self._predicted[slots])
        label = scored.argmax(-1)
        emits = active & (label != self._blank)
        at.symbols += emits
        full = at.symbols >= self._max_symbols
        if not skip or bool(emits.any()):
            column = torch.where(emits, at.count, at.tokens.shape[1] - 1)[:, None]
            at.tokens.scatter_(1, column, label[:, None])
            at.frames.scatter_(1, column, at.frame[:, None])
            log_probability = scored.float().amax(-1) - scored.float().logsumexp(-1)
            at.scores.scatter_(1, column, (log_probability / SCORE).round().to(torch.int64)[:, None])
            at.count += emits
            self._predict(label, emits, slots)
        moves = active & (~emits | full)
        at.frame += moves
        at.symbols.masked_fill_(moves, 0)

    def _predict(self, label: Tensor, emits: Tensor, slots: Tensor) -> None:
        hidden, cell = (state[:, slots] for state in self._rnn)
        predicted, (new_hidden, new_cell) = self._decoder.predict(label[:, None], [hidden, cell], add_sos=False)
        kept = torch.where(emits[:, None], self._joint.pred(predicted[:, 0]), self._predicted[slots])
        self._predicted.index_copy_(0, slots, kept)
        for state, old, new in zip(self._rnn, (hidden, cell), (new_hidden, new_cell), strict=True):
            state.index_copy_(1, slots, torch.where(emits[None, :, None], new, old))
