"""The kernels of `fused/greedy.py`."""

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _joint_input(projected, predicted, frame, slots, result, frames, width, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    c = tl.arange(0, BLOCK)
    mask = c < width
    at = tl.minimum(tl.load(frame + row), frames - 1)
    value = tl.load(projected + (row * frames + at) * width + c, mask=mask, other=0.0)
    value += tl.load(predicted + tl.load(slots + row) * width + c, mask=mask, other=0.0)
    tl.store(result + row * width + c, tl.maximum(value, 0.0), mask=mask)


@triton.jit
def _pick(
    scored,
    frame,
    symbols,
    count,
    tokens,
    frames,
    scores,
    label,
    emits,
    last,
    blank,
    most,
    unit,
    columns,
    vocabulary,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    c = tl.arange(0, BLOCK)
    score = tl.load(scored + row * vocabulary + c, mask=c < vocabulary, other=float("-inf")).to(tl.float32)
    best = tl.minimum(tl.argmax(score, 0), vocabulary - 1)  # whatever comes of scores that are no numbers
    highest = tl.max(score, 0)
    log_probability = -tl.log(tl.sum(tl.exp(score - highest), 0))
    at = tl.load(frame + row)
    active = at < last
    emitting = active & (best != blank)
    number = tl.load(symbols + row) + emitting.to(tl.int64)
    sofar = tl.load(count + row)
    column = row * columns + tl.where(emitting, sofar, columns - 1)
    tl.store(tokens + column, best.to(tl.int64))
    tl.store(frames + column, at)
    tl.store(scores + column, tl.floor(log_probability / unit + 0.5).to(tl.int64))
    tl.store(count + row, sofar + emitting.to(tl.int64))
    moves = active & ((best == blank) | (number >= most))
    tl.store(frame + row, at + moves.to(tl.int64))
    tl.store(symbols + row, tl.where(moves, 0, number))
    tl.store(label + row, best.to(tl.int64))
    tl.store(emits + row, emitting)


@triton.jit
def _lstm_inputs(label, embedding, hidden, slots, result, batch, places, width, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    layer = tl.program_id(1)
    c = tl.arange(0, BLOCK)
    mask = c < width
    line = result + (layer * batch + row) * 2 * width + c
    entry = embedding + tl.load(label + row) * width + c
    tl.store(line, tl.load(entry, mask=mask & (layer == 0), other=0.0), mask=mask)
    held = hidden + (layer * places + tl.load(slots + row)) * width + c
    tl.store(line + width, tl.load(held, mask=mask), mask=mask)


@triton.jit
def _tanh(x):
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit
def _lstm_cell(gates, hidden, cell, slots, emits, into, stride, width, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = c < width
    line = gates + row * 4 * width + c
    at = tl.load(slots + row) * width + c
    opened = tl.sigmoid(tl.load(line, mask=mask, other=0.0))
    forgets = tl.sigmoid(tl.load(line + width, mask=mask, other=0.0))
    new = _tanh(tl.load(line + 2 * width, mask=mask, other=0.0))
    shown = tl.sigmoid(tl.load(line + 3 * width, mask=mask, other=0.0))
    kept = forgets * tl.load(cell + at, mask=mask, other=0.0) + opened * new
    output = shown * _tanh(kept)
    tl.store(into + row * stride + c, output, mask=mask)
    emitting = tl.load(emits + row)
    tl.store(hidden + at, output, mask=mask & emitting)
    tl.store(cell + at, kept, mask=mask & emitting)


@triton.jit
def _keep_rows(kept, slots, emits, new, width, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    c = tl.arange(0, BLOCK)
    mask = (c < width) & tl.load(emits + row)
    value = tl.load(new + row * width + c, mask=mask, other=0.0)
    tl.store(kept + tl.load(slots + row) * width + c, value, mask=mask)


def joint_input(projected: Tensor, predicted: Tensor, frame: Tensor, slots: Tensor) -> Tensor:
    """Launch the kernel of `fused.greedy.joint_input`."""
    batch, frames, width = projected.shape
    result = projected.new_empty(batch, width)
    given = (projected, predicted, frame, slots, result, frames, width)
    _joint_input[(batch,)](*given, triton.next_power_of_2(width))
    return result


def pick(
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
    """Launch the kernel of `fused.greedy.pick`."""
    batch, vocabulary = scored.shape
    label, emits = torch.empty_like(frame), torch.empty_like(frame, dtype=torch.bool)
    progress = (frame, symbols, count, tokens, frames, scores)
    given = (scored.contiguous(), *progress, label, emits, last, blank, most, unit, tokens.shape[1], vocabulary)
    _pick[(batch,)](*given, triton.next_power_of_2(vocabulary))
    return label, emits


def lstm_inputs(label: Tensor, embedding: Tensor, hidden: Tensor, slots: Tensor) -> Tensor:
    """Launch the kernel of `fused.greedy.lstm_inputs`."""
    (layers, places, width), batch = hidden.shape, len(slots)
    result = hidden.new_empty(layers, batch, 2 * width)
    given = (label, embedding, hidden, slots, result, batch, places, width)
    _lstm_inputs[(batch, layers)](*given, triton.next_power_of_2(width))
    return result


def lstm_cell(gates: Tensor, hidden: Tensor, cell: Tensor, slots: Tensor, emits: Tensor, into: Tensor) -> None:
    """Launch the kernel of `fused.greedy.lstm_cell`."""
    batch, width = into.shape
    block = min(256, triton.next_power_of_2(width))
    given = (gates, hidden, cell, slots, emits, into, into.stride(0), width)
    _lstm_cell[(batch, triton.cdiv(width, block))](*given, block)


def keep_rows(kept: Tensor, slots: Tensor, emits: Tensor, new: Tensor) -> None:
    """Launch the kernel of `fused.greedy.keep_rows`."""
    batch, width = new.shape
    _keep_rows[(batch,)](kept, slots, emits, new, width, triton.next_power_of_2(width))
