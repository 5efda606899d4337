"""What a round of greedy RNN-T decoding does between its products, as operations of one kernel each.

Shapes: `batch` streams whose state is in `slots` (batch) int64; `emits` (batch) bool marks those that emit a token.
"""

import torch
from torch import Tensor
from torch.nn.functional import relu

from voiceagent.engines.nemo.fused.operation import define


def _joint_input(projected: Tensor, predicted: Tensor, frame: Tensor, slots: Tensor) -> Tensor:
    at = frame.clamp(max=projected.shape[1] - 1)
    return relu(projected[torch.arange(len(slots), device=slots.device), at] + predicted[slots])


joint_input = define(
    "joint_input(Tensor projected, Tensor predicted, Tensor frame, Tensor slots) -> Tensor",
    plain=_joint_input,
    shape=lambda projected, predicted, frame, slots: projected.new_empty(len(slots), projected.shape[2]),
    kernel="greedy:joint_input",
    moved=lambda projected, predicted, frame, slots: 3 * predicted[0].nbytes * len(slots),
)
"""Return (batch, joint): each stream's frame of `projected` (batch, frames, joint), which is frame (batch), or the
last, and its row of `predicted` (slots, joint), added and rectified."""


def _pick(
    scored: Tensor,
    frame: Tensor,
    symbols: Tensor,
    count: Tensor,
    tokens: Tensor,
    frames: Tensor,
    scores: Tensor,
    last: int,
    blank: int,
    most: int,
    unit: float,
) -> tuple[Tensor, Tensor]:
    active = frame < last
    label = scored.argmax(-1)
    emits = active & (label != blank)
    symbols += emits
    full = symbols >= most
    column = torch.where(emits, count, tokens.shape[1] - 1)[:, None]
    log_probability = scored.float().amax(-1) - scored.float().logsumexp(-1)
    tokens.scatter_(1, column, label[:, None])
    frames.scatter_(1, column, frame[:, None])
    scores.scatter_(1, column, (log_probability / unit).round().to(torch.int64)[:, None])
    count += emits
    moves = active & (~emits | full)
    frame += moves
    symbols.masked_fill_(moves, 0)
    return label, emits


pick = define(
    "pick(Tensor scored, Tensor(a!) frame, Tensor(b!) symbols, Tensor(c!) count, Tensor(d!) tokens, Tensor(e!) frames,"
    " Tensor(f!) scores, int last, int blank, int most, float unit) -> (Tensor, Tensor)",
    plain=_pick,
    shape=lambda scored, frame, *_: (torch.empty_like(frame), torch.empty_like(frame, dtype=torch.bool)),
    kernel="greedy:pick",
    moved=lambda scored, *_: scored.nbytes,
)
"""Make one move of each stream by its scores (batch, symbols), and return the best symbols and which streams emit one.

The other tensors are those of `Progress` in `transducer.py`; a stream is done at frame `last`, and emits at most `most`
tokens at a frame. Log probabilities are kept in multiples of `unit`.
"""


def _lstm_inputs(label: Tensor, embedding: Tensor, hidden: Tensor, slots: Tensor) -> Tensor:
    joined = hidden.new_zeros(len(hidden), len(slots), 2 * hidden.shape[2])
    joined[0, :, : hidden.shape[2]] = embedding[label]
    joined[:, :, hidden.shape[2] :] = hidden[:, slots]
    return joined


lstm_inputs = define(
    "lstm_inputs(Tensor label, Tensor embedding, Tensor hidden, Tensor slots) -> Tensor",
    plain=_lstm_inputs,
    shape=lambda label, embedding, hidden, slots: hidden.new_empty(len(hidden), len(slots), 2 * hidden.shape[2]),
    kernel="greedy:lstm_inputs",
    moved=lambda label, embedding, hidden, slots: 2 * hidden[0, 0].nbytes * len(slots) * (len(hidden) + 1),
)
"""Return what each layer multiplies, (layers, batch, 2 * width): the layer's input, of which only the first's is known
(the symbol's row of `embedding`), and its `hidden` (layers, slots, width)."""


def _lstm_cell(gates: Tensor, hidden: Tensor, cell: Tensor, slots: Tensor, emits: Tensor, into: Tensor) -> None:
    opened, forgets, new, shown = gates.chunk(4, 1)
    old = cell[slots]
    kept = torch.sigmoid(forgets) * old + torch.sigmoid(opened) * torch.tanh(new)
    output = torch.sigmoid(shown) * torch.tanh(kept)
    into.copy_(output)
    hidden[slots] = torch.where(emits[:, None], output, hidden[slots])
    cell[slots] = torch.where(emits[:, None], kept, old)


lstm_cell = define(
    "lstm_cell(Tensor gates, Tensor(a!) hidden, Tensor(b!) cell, Tensor slots, Tensor emits, Tensor(c!) into) -> ()",
    plain=_lstm_cell,
    shape=lambda *_: None,
    kernel="greedy:lstm_cell",
    moved=lambda gates, *_: gates.nbytes * 2,
)
"""Write a layer's outputs for `gates` (batch, 4 * width) into `into` (batch, width), and into the state, `hidden` and
`cell` (slots, width), of streams that emit."""


def _keep_rows(kept: Tensor, slots: Tensor, emits: Tensor, new: Tensor) -> None:
    kept[slots] = torch.where(emits[:, None], new, kept[slots])


keep_rows = define(
    "keep_rows(Tensor(a!) kept, Tensor slots, Tensor emits, Tensor new) -> ()",
    plain=_keep_rows,
    shape=lambda *_: None,
    kernel="greedy:keep_rows",
    moved=lambda kept, slots, emits, new: 2 * new.nbytes,
)
"""Write the rows of `new` (batch, width) of streams that emit into their slots of `kept` (slots, width)."""
