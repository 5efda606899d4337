"""The smallest kernel, to find out whether Triton works here."""

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 128


@triton.jit
def _double(given, result, count, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(result + at, 2 * tl.load(given + at, mask=at < count), mask=at < count)


def double(given: Tensor) -> Tensor:
    """Return twice a tensor's values."""
    result = torch.empty_like(given)
    _double[(triton.cdiv(given.numel(), BLOCK),)](given, result, given.numel(), BLOCK)
    return result
