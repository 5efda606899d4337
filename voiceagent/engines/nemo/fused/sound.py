"""What a codec's decoder does between its convolutions, as operations of one kernel each.

Shapes: x is (rows, channels, time), contiguous, float32; `places` (rows) int64 says where each row's state is. The
activation is NeMo's `HalfSnake`: the first channels, as many as `alpha` has, oscillate; the others are leaky.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv_transpose1d, leaky_relu

from voiceagent.engines.nemo.fused.operation import define

EPSILON = 1e-9
"""NeMo's `snake` adds it to alpha before it divides."""


def _half_snake(x: Tensor, alpha: Tensor, slope: float) -> Tensor:
    snakes = alpha.numel()
    by_channel = alpha.view(1, -1, 1)
    first, second = x[:, :snakes], x[:, snakes:]
    waves = first + (by_channel + EPSILON).reciprocal() * torch.sin(by_channel * first).square()
    return torch.cat((waves, leaky_relu(second, slope)), 1)


def _window(
    x: Tensor, bias: Tensor | None, before: Tensor | None, alpha: Tensor, slope: float, seen: Tensor, places: Tensor
) -> tuple[Tensor, Tensor]:
    total = x if bias is None else x + bias[:, None]
    total = total if before is None else total + before
    joined = torch.cat((seen[places], _half_snake(total, alpha, slope)), 2)
    seen[places] = joined[:, :, joined.shape[2] - seen.shape[2] :]
    return joined, x.new_empty(0) if before is None else total


def _window_shape(
    x: Tensor, bias: Tensor | None, before: Tensor | None, alpha: Tensor, slope: float, seen: Tensor, places: Tensor
) -> tuple[Tensor, Tensor]:
    rows, channels, time = x.shape
    return x.new_empty(rows, channels, seen.shape[2] + time), x.new_empty(0 if before is None else x.shape)


def _window_moved(
    x: Tensor, bias: Tensor | None, before: Tensor | None, alpha: Tensor, slope: float, seen: Tensor, places: Tensor
) -> int:
    state = seen[0].nbytes * len(places)
    return x.nbytes * (2 if before is None else 4) + 3 * state


snake_window = define(
    "snake_window(Tensor x, Tensor? bias, Tensor? before, Tensor alpha, float slope, Tensor(a!) seen, Tensor places)"
    " -> (Tensor, Tensor)",
    plain=_window,
    shape=_window_shape,
    kernel="sound:snake_window",
    moved=_window_moved,
)
"""Return what a causal convolution reads: the activated `x + bias + before` behind the `seen` (places, channels, back)
inputs of its place, which are renewed; and, if there is a `before`, that sum."""


def _upsampled(
    x: Tensor, alpha: Tensor, slope: float, weight: Tensor, bias: Tensor, seen: Tensor, places: Tensor
) -> Tensor:
    time, stride = x.shape[2], weight.shape[2] // 2
    joined = torch.cat((seen[places], _half_snake(x, alpha, slope)), 2)
    seen[places] = joined[:, :, -1:]
    y = conv_transpose1d(joined, weight, bias, stride=stride, groups=len(bias))
    return y[:, :, stride : stride * (time + 1)].contiguous()


def _upsampled_shape(
    x: Tensor, alpha: Tensor, slope: float, weight: Tensor, bias: Tensor, seen: Tensor, places: Tensor
) -> Tensor:
    return x.new_empty(len(x), len(bias), x.shape[2] * weight.shape[2] // 2)


def _upsampled_moved(
    x: Tensor, alpha: Tensor, slope: float, weight: Tensor, bias: Tensor, seen: Tensor, places: Tensor
) -> int:
    made = 4 * len(x) * len(bias) * x.shape[2] * weight.shape[2] // 2
    return x.nbytes + weight.nbytes + made + 2 * seen[0].nbytes * len(places)


upsampled = define(
    "upsampled(Tensor x, Tensor alpha, float slope, Tensor weight, Tensor bias, Tensor(a!) seen, Tensor places)"
    " -> Tensor",
    plain=_upsampled,
    shape=_upsampled_shape,
    kernel="sound:upsampled",
    moved=_upsampled_moved,
)
"""Return the activated x (rows, channels, time), transposed-convolved to (rows, outputs, stride * time).

`weight` (channels, 1, 2 * stride) has a group for each output; `seen` (places, channels, 1) is the last activated input
of each place, which is renewed.
"""


def _mean(ends: Sequence[Tensor], convolved: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    parts = [a + (b + bias[:, None]) for a, b, bias in zip(ends, convolved, biases, strict=True)]
    return torch.stack(parts).sum(0) / len(parts)


mean_of_branches = define(
    "mean_of_branches(Tensor[] ends, Tensor[] convolved, Tensor[] biases) -> Tensor",
    plain=_mean,
    shape=lambda ends, convolved, biases: torch.empty_like(ends[0]),
    kernel="sound:mean_of_branches",
    moved=lambda ends, convolved, biases: (2 * len(ends) + 1) * ends[0].nbytes,
)
"""Return the mean of three branches' results, each `end + convolved + bias`."""
