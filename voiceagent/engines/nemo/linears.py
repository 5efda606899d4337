"""Linear layers for a CPU, where a step has few rows and waits for the weights to come from memory.

`pack` replaces a model's layers by ones that compute the same from weights laid out once, in the number format of the
settings:

- float32: NeMo's own weights, the product's operands swapped where that is faster. Equal but for the order of sums.
- bfloat16: weights and inputs rounded to 8 bits of mantissa, in the order in which oneDNN reads them.
- int8: weights in 8 bits, with a scale for each output; inputs in 8 bits, with a scale for each row, so that what a row
  gives does not depend on the rows that it is computed with. Everything between the layers stays float32.

Knows no model. On a GPU it does nothing.
"""

import warnings
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from voiceagent.engines.machine import processor
from voiceagent.errors import VoiceAgentError

SWAP_UP_TO = 32
"""Rows up to which swapped operands are faster: measured on an AMD EPYC with AVX2 and on an Intel Xeon with AMX."""
SWAP_FROM, SWAP_FROM_INTEL = 2, 4
"""Rows from which they are, on the same machines: only on Intel's has torch's MKL a fast way for two rows."""
Kind = Callable[[nn.Parameter, nn.Parameter | None], nn.Module]
"""What makes a packed layer of a weight, (outputs, inputs) or with further dimensions of size 1, and a bias."""
LEVELS = 127
"""Steps between zero and the largest magnitude in 8 bits."""
LEVELS_7_BITS = 63
"""The same in 7 bits, for a CPU that adds two products in 16 bits: products of 8 bits overflow there."""


def pack(root: nn.Module, dtype: torch.dtype, *, but: Collection[str] = ()) -> None:
    """Replace every linear layer inside `root`, and every convolution over one position, by a packed one.

    The weights' dtype is `dtype`, or for int8 float32; layers with a name in `but` stay as they are. A replaced
    convolution takes (..., channels), not (rows, channels, time). Only for modules on a CPU. Raises VoiceAgentError if
    this CPU has no int8 products.
    """
    for name, child in list(root.named_children()):
        if name in but:
            continue
        if _is_linear(child):
            setattr(root, name, packed(child, dtype))
        else:
            pack(child, dtype, but=but)


def packed(layer: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Return one linear layer packed, as `pack` does it; any other module as it is."""
    kinds: dict[torch.dtype, Kind] = {torch.float32: Float32, torch.bfloat16: Bfloat16, torch.int8: Int8}
    if dtype == torch.int8:
        require_int8()
    if not _is_linear(layer) or (dtype == torch.bfloat16 and not _has_packed_bfloat16()):
        return layer
    return kinds[dtype](layer.weight, layer.bias)


def over_one_position(convolution: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return a convolution over one position, or what `pack` put in its place, as a layer for (..., channels)."""
    if not isinstance(convolution, nn.Conv1d):
        return convolution
    weight, bias = convolution.weight.squeeze(2), convolution.bias
    return lambda x: linear(x, weight, bias)


def _is_linear(layer: nn.Module) -> bool:
    """Return whether a layer is linear; a convolution is if each output depends on one position only."""
    if isinstance(layer, nn.Conv1d):
        shape = layer.kernel_size, layer.stride, layer.padding, layer.groups
        return shape == ((1,), (1,), (0,), 1)
    return type(layer) is nn.Linear


class Float32(nn.Module):
    """A layer with its weights as they are."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., outputs) of x (..., inputs)."""
        return few_rows(x, self.weight.flatten(1), self.bias)


class Bfloat16(nn.Module):
    """A layer with bfloat16 weights in oneDNN's order."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None) -> None:
        super().__init__()
        with torch.no_grad():
            plain = weight.detach().flatten(1).contiguous()
            self._packed = torch.ops.mkldnn._reorder_linear_weight(plain, 1)  # for few rows
        self._bias = None if bias is None else bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., outputs) of x (..., inputs), bfloat16."""
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, self._bias, "none", [], "")
        return result


class Int8(nn.Module):
    """A layer with int8 weights, for float32 inputs."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None) -> None:
        super().__init__()
        self._packed = _packed_int8(weight.detach().flatten(1).float())
        self._bias = None if bias is None else bias.detach().float()
        self._levels = input_levels()
        self._zero = self._levels + 1

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., outputs) of x (..., inputs), float32. A row with a value that is not finite gives such a row."""
        scale = x.abs().amax(-1, keepdim=True)
        y = (x / scale).nan_to_num_(0.0)  # zeros are not scaled; the output's scale brings back what is not finite
        return self._scaled(y, scale)

    def _scaled(self, y: Tensor, scale: Tensor) -> Tensor:
        product: Tensor = _int8_product(y, 1 / self._levels, self._zero, self._packed)
        product.mul_(scale)
        return product if self._bias is None else product.add_(self._bias)


def few_rows(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return `torch.nn.functional.linear`, which on a CPU is slow for a few float32 rows, the fastest way."""
    rows = x.numel() // x.shape[-1]
    if x.device.type != "cpu" or x.dtype != torch.float32 or not swap_from() <= rows <= SWAP_UP_TO:
        return linear(x, weight, bias)
    y = (weight @ x.reshape(rows, -1).T).T.reshape(*x.shape[:-1], -1)
    return y if bias is None else y + bias


@cache
def swap_from() -> int:
    """Return the number of rows from which swapped operands are faster here."""
    return SWAP_FROM_INTEL if "intel" in processor().lower() else SWAP_FROM


@cache
def require_int8() -> None:
    """Raise VoiceAgentError if this CPU, or this build of torch, cannot multiply int8 matrices."""
    if "fbgemm" not in torch.backends.quantized.supported_engines or not _multiplies():
        raise VoiceAgentError(
            "`dtype: int8` needs an x86 CPU with AVX2, and torch with FBGEMM, which this machine does not have:"
            " set `dtype: float32` or `dtype: bfloat16`"
        )


@cache
def input_levels() -> int:
    """Return the steps between zero and the largest input: as many as this CPU's products can hold without overflow.

    Found by trying the largest product there can be, not from the CPU's name.
    """
    inputs, outputs = 64, 8
    packed = _packed_int8(torch.ones(outputs, inputs))
    product = _int8_product(torch.ones(2, inputs), 1 / LEVELS, LEVELS + 1, packed)
    return LEVELS if bool((product > inputs * 0.99).all()) else LEVELS_7_BITS


def _multiplies() -> bool:
    try:
        _int8_product(torch.ones(1, 8), 1 / LEVELS_7_BITS, LEVELS_7_BITS + 1, _packed_int8(torch.ones(8, 8)))
    except RuntimeError:
        return False
    return True


def _packed_int8(weight: Tensor) -> Any:
    """Return (outputs, inputs) float32 weights as FBGEMM holds them, with a scale for each output."""
    scales = weight.abs().amax(1).clamp_min(torch.finfo(torch.float32).tiny) / LEVELS
    zeros = torch.zeros(len(weight), dtype=torch.int64)
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = "fbgemm"
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # torch: such tensors will go; the pinned version has them
            quantised = torch.quantize_per_channel(weight.contiguous(), scales, zeros, 0, torch.qint8)
        return torch.ops.quantized.linear_prepack(quantised, None)
    finally:
        torch.backends.quantized.engine = before


def _int8_product(y: Tensor, step: float, zero: int, packed: Any) -> Tensor:
    """Return the float32 product of y (..., inputs), rounded to multiples of `step`, with packed weights."""
    product: Tensor = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(y, step, zero, packed)
    return product


def _has_packed_bfloat16() -> bool:
    return bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())
