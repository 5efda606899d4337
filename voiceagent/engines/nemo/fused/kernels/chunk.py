"""The kernels of `fused/chunk.py`; sums are in float32."""

import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _chunk_attention(
    qkv,
    keys,
    values,
    slots,
    seen,
    positions,
    bias_u,
    bias_v,
    result,
    heads,
    scale,
    NEW: tl.constexpr,
    RING: tl.constexpr,
    D: tl.constexpr,
    BLOCK_RING: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    width = heads * D
    past = tl.load(seen + row)
    place = tl.arange(0, BLOCK_RING)
    d = tl.arange(0, BLOCK_D)
    order = ((place - past % RING - NEW + 2 * RING) % RING).to(tl.int32)  # 0 is the oldest
    fresh = (order >= RING - NEW)[:, None]
    mask = (place < RING)[:, None] & (d < D)[None]
    kept = (tl.load(slots + row) * RING + place)[:, None] * width + head * D + d[None]
    given = (row * NEW + order - (RING - NEW))[:, None] * 3 * width + head * D + d[None]
    new_key = tl.load(qkv + given + width, mask=mask & fresh, other=0.0)
    new_value = tl.load(qkv + given + 2 * width, mask=mask & fresh, other=0.0)
    key = tl.where(fresh, new_key, tl.load(keys + kept, mask=mask & (order < RING - NEW)[:, None], other=0.0))
    value = tl.where(fresh, new_value, tl.load(values + kept, mask=mask & (order < RING - NEW)[:, None], other=0.0))
    tl.store(keys + kept, new_key, mask=mask & fresh)
    tl.store(values + kept, new_value, mask=mask & fresh)
    seen_by_it = (place < RING) & (order >= RING - NEW - past)
    key = key.to(tl.float32)
    u = tl.load(bias_u + head * D + d, mask=d < D, other=0.0).to(tl.float32)
    v = tl.load(bias_v + head * D + d, mask=d < D, other=0.0).to(tl.float32)
    for at in tl.static_range(NEW):
        query = tl.load(qkv + (row * NEW + at) * 3 * width + head * D + d, mask=d < D, other=0.0).to(tl.float32)
        distance = (NEW - 1 - at) + order
        table = positions + (head * (RING + NEW - 1) + distance)[:, None] * D + d[None]
        far = tl.load(table, mask=mask, other=0.0).to(tl.float32)
        scores = tl.sum((query + u)[None] * key, 1) * scale + tl.sum((query + v)[None] * far, 1)
        scores = tl.where(seen_by_it, scores, float("-inf"))
        weights = tl.exp(scores - tl.max(scores, 0))
        weights = weights / tl.sum(weights, 0)
        attended = tl.sum(weights[:, None] * value.to(tl.float32), 0)
        tl.store(result + (row * NEW + at) * width + head * D + d, attended, mask=d < D)


@triton.jit
def _causal_convolution(
    x,
    ring,
    slots,
    seen,
    weight,
    bias,
    scale,
    shift,
    epsilon,
    result,
    width,
    NEW: tl.constexpr,
    KERNEL: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1)
    c = tl.arange(0, BLOCK)
    mask = c < width
    length = KERNEL - 1 + NEW
    past = tl.load(seen + row)
    state = ring + tl.load(slots + row) * length * width + c
    total = tl.zeros([BLOCK], tl.float32)
    for tap in tl.static_range(KERNEL):
        frame = at + tap - (KERNEL - 1)
        line = x + (row * NEW + frame) * 2 * width + c
        gate = tl.load(line + width, mask=mask & (frame >= 0), other=0.0).to(tl.float32)
        opened = tl.load(line, mask=mask & (frame >= 0), other=0.0).to(tl.float32) * tl.sigmoid(gate)
        opened = opened.to(ring.dtype.element_ty)
        if tap == KERNEL - 1:
            tl.store(state + (past + at) % length * width, opened, mask=mask)
        old = tl.load(state + (past + frame + length) % length * width, mask=mask & (frame < 0), other=0.0)
        value = tl.where(frame >= 0, opened, old).to(tl.float32)
        total += value * tl.load(weight + tap * width + c, mask=mask, other=0.0).to(tl.float32)
    if HAS_BIAS:
        total += tl.load(bias + c, mask=mask, other=0.0).to(tl.float32)
    normed = _normed(total, scale, shift, epsilon, c, mask, width)
    tl.store(result + (row * NEW + at) * width + c, normed * tl.sigmoid(normed), mask=mask)


@triton.jit
def _normed(x, scale, shift, epsilon, c, mask, width):
    mean = tl.sum(x, 0) / width
    apart = tl.where(mask, x - mean, 0.0)
    by = 1 / tl.sqrt(tl.sum(apart * apart, 0) / width + epsilon)
    return apart * by * tl.load(scale + c, mask=mask, other=0.0).to(tl.float32) + tl.load(
        shift + c, mask=mask, other=0.0
    ).to(tl.float32)


def chunk_attention(
    qkv: Tensor,
    keys: Tensor,
    values: Tensor,
    slots: Tensor,
    seen: Tensor,
    positions: Tensor,
    bias_u: Tensor,
    bias_v: Tensor,
) -> Tensor:
    """Launch the kernel of `fused.chunk.chunk_attention`."""
    (batch, new, _), (heads, _, d) = qkv.shape, positions.shape
    ring = keys.shape[1]
    result = qkv.new_empty(batch, new, heads * d)
    block, block_d = triton.next_power_of_2(ring), triton.next_power_of_2(d)
    given = (qkv, keys, values, slots, seen, positions, bias_u, bias_v, result)
    _chunk_attention[(batch, heads)](*given, heads, d**-0.5, new, ring, d, block, block_d, num_warps=8)
    return result


def causal_convolution(
    x: Tensor,
    ring: Tensor,
    slots: Tensor,
    seen: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    scale: Tensor,
    shift: Tensor,
    epsilon: float,
) -> Tensor:
    """Launch the kernel of `fused.chunk.causal_convolution`."""
    (batch, new, _), (kernel, width) = x.shape, weight.shape
    result = x.new_empty(batch, new, width)
    given = (x, ring, slots, seen, weight, weight if bias is None else bias, scale, shift, epsilon, result, width)
    _causal_convolution[(batch, new)](*given, new, kernel, bias is not None, triton.next_power_of_2(width))
    return result
