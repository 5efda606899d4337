"""Arguments for every fused operation: small ones, with all that a kernel must not get wrong at its edges."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from voiceagent.engines.nemo.fused import chunk, greedy, sequence, sound  # noqa: F401 (each defines its operations)
from voiceagent.engines.nemo.fused.eight_bits import EightBits


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape))).to(dtype)


def snake_window(time: int, back: int, *, bias: bool = True, before: bool = True) -> tuple[Any, ...]:
    x, alpha = noise(2, 7, time), noise(3).abs() + 0.1
    return (
        x,
        noise(7) if bias else None,
        noise(2, 7, time, seed=1) if before else None,
        alpha,
        0.01,
        noise(4, 7, back, seed=2),
        torch.tensor([3, 1]),
    )


def upsampled(time: int, stride: int, per: int = 2) -> tuple[Any, ...]:
    channels = 5 * per
    weight = noise(channels, 1, 2 * stride, seed=3)
    return (
        noise(2, channels, time),
        noise(channels // 2).abs() + 0.1,
        0.01,
        weight,
        noise(5),
        noise(4, channels, 1, seed=4),
        torch.tensor([0, 2]),
    )


def mean_of_branches(time: int) -> tuple[Any, ...]:
    ends, convolved = ([noise(2, 3, time, seed=first + at) for at in range(3)] for first in (0, 3))
    return ends, convolved, [noise(3, seed=6 + at) for at in range(3)]


EXAMPLES: dict[str, list[Callable[[], tuple[Any, ...]]]] = {
    "snake_window": [
        lambda: snake_window(3, 10),
        lambda: snake_window(1, 2, before=False),
        lambda: snake_window(40, 6, bias=False),
        lambda: snake_window(1500, 50, bias=False, before=False),
    ],
    "upsampled": [lambda: upsampled(1, 8), lambda: upsampled(7, 2, per=1), lambda: upsampled(300, 4)],
    "mean_of_branches": [lambda: mean_of_branches(5), lambda: mean_of_branches(1100)],
}
"""By operation."""


def chunk_attention(new: int, left: int, dtype: torch.dtype = torch.float32) -> tuple[Any, ...]:
    batch, heads, d, slots, ring = 3, 2, 12, 5, left + new
    return (
        noise(batch, new, 3 * heads * d, dtype=dtype),
        noise(slots, ring, heads * d, seed=1, dtype=dtype),
        noise(slots, ring, heads * d, seed=2, dtype=dtype),
        torch.tensor([4, 0, 2]),
        torch.tensor([0, new, 5 * ring + 3 * new]),
        noise(heads, left + 2 * new - 1, d, seed=3, dtype=dtype),
        noise(heads, d, seed=4, dtype=dtype),
        noise(heads, d, seed=5, dtype=dtype),
    )


def causal_convolution(
    new: int, *, bias: bool = False, width: int = 10, dtype: torch.dtype = torch.float32
) -> tuple[Any, ...]:
    kernel = 9
    return (
        noise(3, new, 2 * width, dtype=dtype),
        noise(5, kernel - 1 + new, width, seed=1, dtype=dtype),
        torch.tensor([1, 4, 0]),
        torch.tensor([0, new, 40 * new]),
        noise(kernel, width, seed=2, dtype=dtype),
        noise(width, seed=3, dtype=dtype) if bias else None,
        noise(width, seed=4, dtype=dtype),
        noise(width, seed=5, dtype=dtype),
        1e-5,
    )


EXAMPLES |= {
    "chunk_attention": [
        lambda: chunk_attention(2, 6, torch.bfloat16),
        lambda: chunk_attention(1, 7),
        lambda: chunk_attention(7, 14),
    ],
    "causal_convolution": [
        lambda: causal_convolution(2, dtype=torch.bfloat16),
        lambda: causal_convolution(1, bias=True),
        lambda: causal_convolution(14, width=17),
    ],
}


def joint_input() -> tuple[Any, ...]:
    return noise(3, 2, 9), noise(4, 9, seed=1), torch.tensor([0, 1, 2]), torch.tensor([3, 0, 1])


def pick(vocabulary: int) -> tuple[Any, ...]:
    """One that is done, one at its last token of a frame, one with a blank and one with a token."""
    scored = noise(4, vocabulary)
    scored[:3, 5] += 9.0
    scored[3, vocabulary - 1] += 9.0
    counts = (torch.tensor(values) for values in ([2, 0, 0, 1], [0, 2, 0, 1], [4, 3, 0, 2]))
    kept = (torch.zeros(4, 7, dtype=torch.int64) for _ in range(3))
    return (scored, *counts, *kept, 2, vocabulary - 1, 3, 1e-4)


def lstm_inputs() -> tuple[Any, ...]:
    return torch.tensor([4, 0, 2]), noise(5, 10), noise(2, 6, 10, seed=1), torch.tensor([5, 1, 2])


def lstm_cell(width: int) -> tuple[Any, ...]:
    into = torch.zeros(3, 2 * width)[:, :width]
    marks = torch.tensor([True, False, True])
    return noise(3, 4 * width), noise(6, width, seed=1), noise(6, width, seed=2), torch.tensor([5, 1, 2]), marks, into


def keep_rows() -> tuple[Any, ...]:
    return noise(6, 10), torch.tensor([5, 1, 2]), torch.tensor([True, False, True]), noise(3, 10, seed=1)


EXAMPLES |= {
    "joint_input": [joint_input],
    "pick": [lambda: pick(33), lambda: pick(1025)],
    "lstm_inputs": [lstm_inputs],
    "lstm_cell": [lambda: lstm_cell(10), lambda: lstm_cell(300)],
    "keep_rows": [keep_rows],
}


def norm_linear(
    rows: int,
    inputs: int,
    outputs: int,
    activation: str,
    *,
    dtype: torch.dtype = torch.float32,
    bias: bool = True,
    narrow: torch.dtype | None = None,
) -> tuple[Any, ...]:
    x = noise(rows, 2, inputs, dtype=dtype)[:, 0] + 3  # rows that lie apart
    scale, shift = noise(inputs, seed=1, dtype=dtype), noise(inputs, seed=2, dtype=dtype)
    weight = (noise(outputs, inputs, seed=3) / inputs**0.5).to(dtype)
    added = noise(outputs, seed=4, dtype=dtype) if bias else None
    given = narrowed(weight, narrow) if narrow else (weight, None)
    return x, scale, shift if bias else None, 1e-5, *given, added, activation


def narrowed(weight: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    layer = EightBits(weight, None, dtype)
    return layer.weight.data, layer.scales.data


def add_linear(
    rows: int,
    inputs: int,
    outputs: int,
    *,
    dtype: torch.dtype = torch.float32,
    narrow: torch.dtype = torch.int8,
    bias: bool = True,
) -> tuple[Any, ...]:
    added = noise(outputs, seed=4, dtype=dtype) if bias else None
    x = noise(rows, 2, outputs, dtype=dtype)[:, 1]  # rows that lie apart
    inner = noise(rows, inputs, seed=5, dtype=dtype)
    return x, inner, *narrowed(noise(outputs, inputs, seed=3) / inputs**0.5, narrow), added, 0.5


def cached_attention(width: int, positions: int, dtype: torch.dtype = torch.float32) -> tuple[Any, ...]:
    n, heads, d = 2 * width, 3, 10
    return (
        noise(n, 3 * heads * d, dtype=dtype),
        noise(n + 2, heads, positions, d, seed=1, dtype=dtype),
        noise(n + 2, heads, positions, d, seed=2, dtype=dtype),
        torch.tensor([0, positions - 1]),
        width,
    )


def text_attention(*, prior: bool, shown: bool, dtype: torch.dtype = torch.float32) -> tuple[Any, ...]:
    heads, text, d = 2, 90, 10
    return (
        noise(2, heads * d, dtype=dtype),
        noise(3, heads, text, d, seed=1, dtype=dtype),
        noise(3, heads, text, d, seed=2, dtype=dtype),
        torch.tensor([1, 77, 5]),
        noise(3, text, seed=3).abs() if prior else None,
        0.3,
        shown,
    )


def draw(width: int, temperature: float, *, top: int = 7, dtype: torch.dtype = torch.float32) -> tuple[Any, ...]:
    rows, tokens, books = 5, 50, 4
    forbidden = noise(rows, tokens, seed=1) > 1
    forbidden[4] = torch.arange(tokens) != 17  # as where a row must end
    draws = torch.rand(rows, books, generator=torch.Generator().manual_seed(3))
    draws[3, 2] = 0.999999
    logits = noise(rows * width, tokens, dtype=dtype)
    codes = torch.zeros(rows, books, dtype=torch.int64)
    return logits, forbidden, draws, 2, codes, noise(tokens, 6, seed=2, dtype=dtype), 2.5, width, temperature, top


EXAMPLES |= {
    "norm_linear": [
        lambda: norm_linear(5, 130, 40, "gelu", dtype=torch.bfloat16),
        lambda: norm_linear(33, 20, 65, "silu", bias=False),
        lambda: norm_linear(1, 256, 8, "none"),
        lambda: norm_linear(17, 140, 40, "gelu", dtype=torch.bfloat16, narrow=torch.int8),
        lambda: norm_linear(9, 150, 40, "none", dtype=torch.bfloat16, narrow=torch.float8_e4m3fn),
        lambda: norm_linear(33, 256, 64, "silu"),
    ],
    "add_linear": [
        lambda: add_linear(5, 130, 40, dtype=torch.bfloat16, bias=False),
        lambda: add_linear(33, 20, 65),
        lambda: add_linear(9, 150, 40, dtype=torch.bfloat16, narrow=torch.float8_e4m3fn),
        lambda: add_linear(33, 256, 64),
    ],
    "cached_attention": [lambda: cached_attention(2, 130, torch.bfloat16), lambda: cached_attention(1, 8)],
    "text_attention": [
        lambda: text_attention(prior=True, shown=True, dtype=torch.bfloat16),
        lambda: text_attention(prior=True, shown=True),
        lambda: text_attention(prior=False, shown=False),
    ],
    "draw": [lambda: draw(2, 0.6), lambda: draw(1, 0.0), lambda: draw(1, 1.3, top=80), lambda: draw(2, 0.0)],
}
