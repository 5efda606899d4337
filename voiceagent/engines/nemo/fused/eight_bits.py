"""Linear layers whose weights have 8 bits on a GPU: a scale for each output, inputs and sums as before.

A step of few rows waits for its weights to come from memory, and these are half the bytes of bfloat16; what that saves
in time is not measured. The fused kernels widen them as they read (`sequence.py`); without kernels they are widened,
and written out, before each product, which saves memory and takes more time.

They are int8, or floating point of 8 bits (e4m3: 4 of exponent, 3 of mantissa), which is less exact where an output's
weights are of one size, and more exact where one of them is far larger than the rest.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

LARGEST = {torch.int8: 127.0, torch.float8_e4m3fn: 448.0}
"""The largest magnitude of each type; an output's largest weight becomes that."""


class Weights(NamedTuple):
    """What a linear layer multiplies by, and adds."""

    weight: Tensor
    """(outputs, inputs)"""
    bias: Tensor | None
    scales: Tensor | None
    """(outputs) float32, if the weights have 8 bits."""

    @property
    def widened(self) -> Tensor:
        """The weights as numbers; in float32 if they have 8 bits."""
        return self.weight if self.scales is None else self.weight.float() * self.scales[:, None]


class EightBits(nn.Module):
    """A linear layer, or a convolution over one position, which takes (..., channels) then."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype = torch.int8) -> None:
        super().__init__()
        most, tiny = LARGEST[dtype], torch.finfo(torch.float32).tiny
        plain = weight.detach().flatten(1).float()
        scales = (plain.abs().amax(1) / most).clamp_min(tiny)  # of zeros, too: no 0 / 0
        scaled = (plain / scales[:, None]).clamp(-most, most)
        rounded = scaled if dtype.is_floating_point else scaled.round()
        self.weight = nn.Parameter(rounded.to(dtype), requires_grad=False)
        self.scales = nn.Parameter(scales, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., outputs) of x (..., inputs)."""
        weights = weights_of(self)
        return linear(x, weights.widened.to(x.dtype), self.bias)


def weights_of(module: Any) -> Weights:
    """Return the weights of a linear layer, or of a convolution over one position."""
    return Weights(module.weight.flatten(1), module.bias, getattr(module, "scales", None))


def to_eight_bits(root: nn.Module, dtype: torch.dtype = torch.int8, *, but: Collection[str] = ()) -> None:
    """Replace every linear layer inside `root`, and every convolution over one position, by one of 8 bits, of a type in
    LARGEST; layers with a name in `but` stay as they are. What is left must have its dtype already: the scales stay
    float32.
    """
    for name, child in list(root.named_children()):
        if name in but:
            continue
        over_one = isinstance(child, nn.Conv1d) and child.kernel_size == (1,) and child.groups == 1
        if type(child) is nn.Linear or over_one:
            setattr(root, name, EightBits(child.weight, child.bias, dtype))
        else:
            to_eight_bits(child, dtype, but=but)
