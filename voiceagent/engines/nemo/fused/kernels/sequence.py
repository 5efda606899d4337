"""The kernels of `fused/sequence.py`; sums are in float32."""

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK_OUTPUTS, BLOCK_INPUTS = 32, 128
BLOCK_POSITIONS = 64
TINY = tl.constexpr(float(torch.finfo(torch.float32).tiny))


@triton.jit
def _norm_linear(
    x,
    apart,
    scale,
    shift,
    epsilon,
    weight,
    scales,
    bias,
    result,
    rows,
    inputs,
    outputs,
    HAS_SHIFT: tl.constexpr,
    HAS_SCALES: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    ACTIVATION: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    line = x + m.to(tl.int64)[:, None] * apart
    first = tl.load(x + m.to(tl.int64) * apart, mask=m < rows, other=0.0).to(tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    squares = tl.zeros([BLOCK_M], tl.float32)
    for begin in range(0, inputs, BLOCK_K):
        k = begin + tl.arange(0, BLOCK_K)
        mask = (m < rows)[:, None] & (k < inputs)[None]
        value = tl.where(mask, tl.load(line + k[None], mask=mask, other=0.0).to(tl.float32) - first[:, None], 0.0)
        total += tl.sum(value, 1)
        squares += tl.sum(value * value, 1)
    # About the first value, so that little is lost where the mean is large beside the deviation.
    offset = total / inputs
    by = 1 / tl.sqrt(squares / inputs - offset * offset + epsilon)
    mean = first + offset
    product = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for begin in range(0, inputs, BLOCK_K):
        k = begin + tl.arange(0, BLOCK_K)
        mask = (m < rows)[:, None] & (k < inputs)[None]
        value = tl.load(line + k[None], mask=mask, other=0.0).to(tl.float32)
        value = (value - mean[:, None]) * by[:, None]
        value = value * tl.load(scale + k, mask=k < inputs, other=0.0).to(tl.float32)[None]
        if HAS_SHIFT:
            value += tl.load(shift + k, mask=k < inputs, other=0.0).to(tl.float32)[None]
        at = weight + n.to(tl.int64)[None] * inputs + k[:, None]
        factors = tl.load(at, mask=(k < inputs)[:, None] & (n < outputs)[None], other=0.0)
        given = x.dtype.element_ty
        product = tl.dot(value.to(given), factors.to(given), product, input_precision="ieee")
    if HAS_SCALES:
        product = product * tl.load(scales + n, mask=n < outputs, other=0.0)[None]
    if HAS_BIAS:
        product += tl.load(bias + n, mask=n < outputs, other=0.0).to(tl.float32)[None]
    if ACTIVATION == "gelu":
        inner = 0.7978845608028654 * (product + 0.044715 * product * product * product)
        product = product * tl.sigmoid(2 * inner)  # x * (1 + tanh(inner)) / 2
    if ACTIVATION == "silu":
        product = product * tl.sigmoid(product)
    mask = (m < rows)[:, None] & (n < outputs)[None]
    tl.store(result + m.to(tl.int64)[:, None] * outputs + n[None], product, mask=mask)


@triton.jit
def _add_linear(
    x,
    apart,
    inner,
    weight,
    scales,
    bias,
    factor,
    rows,
    inputs,
    outputs,
    HAS_BIAS: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    product = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for begin in range(0, inputs, BLOCK_K):
        k = begin + tl.arange(0, BLOCK_K)
        mask = (m < rows)[:, None] & (k < inputs)[None]
        value = tl.load(inner + m.to(tl.int64)[:, None] * inputs + k[None], mask=mask, other=0.0)
        at = weight + n.to(tl.int64)[None] * inputs + k[:, None]
        factors = tl.load(at, mask=(k < inputs)[:, None] & (n < outputs)[None], other=0.0)
        product = tl.dot(value, factors.to(value.dtype), product, input_precision="ieee")
    product = product * tl.load(scales + n, mask=n < outputs, other=0.0)[None]
    if HAS_BIAS:
        product += tl.load(bias + n, mask=n < outputs, other=0.0).to(tl.float32)[None]
    mask = (m < rows)[:, None] & (n < outputs)[None]
    place = x + m.to(tl.int64)[:, None] * apart + n[None]
    tl.store(place, tl.load(place, mask=mask, other=0.0).to(tl.float32) + factor * product, mask=mask)


@triton.jit
def _cached_attention(
    qkv,
    keys,
    values,
    position,
    result,
    heads,
    positions,
    width,
    scale,
    D: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_S: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    d = tl.arange(0, BLOCK_D)
    mask = d < D
    at = tl.load(position + row // width)
    given = qkv + (row * 3 * heads + head) * D + d
    query = tl.load(given, mask=mask, other=0.0).to(tl.float32)
    new_key = tl.load(given + heads * D, mask=mask, other=0.0)
    new_value = tl.load(given + 2 * heads * D, mask=mask, other=0.0)
    held = (row * heads + head) * positions * D
    tl.store(keys + held + at * D + d, new_key, mask=mask)
    tl.store(values + held + at * D + d, new_value, mask=mask)
    # What is new is attended to from registers: another thread may not see yet what was written.
    highest = tl.sum(query * new_key.to(tl.float32), 0) * scale
    total = 1.0
    attended = new_value.to(tl.float32)
    for begin in range(0, at, BLOCK_S):
        s = begin + tl.arange(0, BLOCK_S)
        old = (s < at)[:, None] & mask[None]
        place = held + s[:, None] * D + d[None]
        key = tl.load(keys + place, mask=old, other=0.0).to(tl.float32)
        scores = tl.where(s < at, tl.sum(query[None] * key, 1) * scale, float("-inf"))
        higher = tl.maximum(highest, tl.max(scores, 0))
        shrink = tl.exp(highest - higher)
        weights = tl.exp(scores - higher)
        value = tl.load(values + place, mask=old, other=0.0).to(tl.float32)
        total = total * shrink + tl.sum(weights, 0)
        attended = attended * shrink + tl.sum(weights[:, None] * value, 0)
        highest = higher
    tl.store(result + (row * heads + head) * D + d, attended / total, mask=mask)


@triton.jit
def _text_attention(
    query,
    keys,
    values,
    length,
    prior,
    result,
    probabilities,
    heads,
    text,
    scale,
    HAS_PRIOR: tl.constexpr,
    SHOWN: tl.constexpr,
    D: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_S: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    d = tl.arange(0, BLOCK_D)
    asked = tl.load(query + (row * heads + head) * D + d, mask=d < D, other=0.0).to(tl.float32)
    count = tl.load(length + row)
    line = (row * heads + head) * text
    highest = float("-inf")
    total = 0.0
    attended = tl.zeros([BLOCK_D], tl.float32)
    for begin in range(0, count, BLOCK_S):
        s = begin + tl.arange(0, BLOCK_S)
        mask = (s < count)[:, None] & (d < D)[None]
        place = (line + s)[:, None] * D + d[None]
        key = tl.load(keys + place, mask=mask, other=0.0).to(tl.float32)
        scores = tl.where(s < count, tl.sum(asked[None] * key, 1) * scale, float("-inf"))
        higher = tl.maximum(highest, tl.max(scores, 0))
        weights = tl.exp(scores - higher)
        if HAS_PRIOR:
            weights = weights * (tl.load(prior + row * text + s, mask=s < count, other=0.0) + TINY)
        shrink = tl.exp(highest - higher)
        value = tl.load(values + place, mask=mask, other=0.0).to(tl.float32)
        total = total * shrink + tl.sum(weights, 0)
        attended = attended * shrink + tl.sum(weights[:, None] * value, 0)
        highest = higher
        if SHOWN:
            tl.store(probabilities + line + s, scores, mask=s < count)
    tl.store(result + (row * heads + head) * D + d, attended / total, mask=d < D)
    if SHOWN:
        tl.debug_barrier()  # the scores were written by other threads
        for begin in range(0, text, BLOCK_S):
            s = begin + tl.arange(0, BLOCK_S)
            scores = tl.load(probabilities + line + s, mask=s < count, other=float("-inf"))
            weights = tl.exp(scores - highest)
            if HAS_PRIOR:
                weights = weights * (tl.load(prior + row * text + s, mask=s < count, other=0.0) + TINY)
            tl.store(probabilities + line + s, weights / total, mask=s < text)


@triton.jit
def _sortable(x):
    """Return numbers whose order as integers is that of x as float32; again, it gives the bits of x back."""
    return x ^ ((x >> 31) & 0x7FFFFFFF)


@triton.jit
def _draw(
    logits,
    forbidden,
    draws,
    codes,
    table,
    result,
    guidance,
    temperature,
    number,
    columns,
    vocabulary,
    inputs,
    TOP: tl.constexpr,
    WIDTH: tl.constexpr,
    LIKELIEST: tl.constexpr,
    BLOCK: tl.constexpr,
    BLOCK_INPUTS: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    c = tl.arange(0, BLOCK)
    mask = c < vocabulary
    line = logits + row * WIDTH * vocabulary + c
    wanted = tl.load(line, mask=mask, other=0.0).to(tl.float32)
    if WIDTH == 2:
        unguided = tl.load(line + vocabulary, mask=mask, other=0.0).to(tl.float32)
        wanted = guidance * wanted + (1.0 - guidance) * unguided
    allowed = mask & (tl.load(forbidden + row * vocabulary + c, mask=mask, other=1) == 0)
    wanted = tl.where(allowed, wanted, float("-inf"))
    if LIKELIEST:
        chosen = tl.argmax(wanted, 0)
    else:
        by_size = _sortable(wanted.to(tl.int32, bitcast=True)).to(tl.int64) << 32
        order = tl.sort(by_size | (BLOCK - 1 - c).to(tl.int64), descending=True)
        best = _sortable((order >> 32).to(tl.int32)).to(tl.float32, bitcast=True)
        candidates = BLOCK - 1 - (order & 0xFFFFFFFF).to(tl.int32)
        likelihoods = tl.where(c < TOP, tl.exp((best - tl.max(best, 0)) / temperature), 0.0)
        upto = tl.cumsum(likelihoods, 0)
        wall = tl.load(draws + row * columns + number) * tl.sum(likelihoods, 0)
        index = tl.minimum(tl.sum(((upto <= wall) & (c < TOP)).to(tl.int32), 0), TOP - 1)
        chosen = tl.sum(tl.where(c == index, candidates, 0), 0)
    chosen = tl.minimum(tl.maximum(chosen, 0), vocabulary - 1)  # whatever comes of logits that are no numbers
    tl.store(codes + row * columns + number, chosen.to(tl.int64))
    at = tl.arange(0, BLOCK_INPUTS)
    entry = tl.load(table + chosen.to(tl.int64) * inputs + at, mask=at < inputs)
    for each in tl.static_range(WIDTH):
        tl.store(result + (row * WIDTH + each) * inputs + at, entry, mask=at < inputs)


def norm_linear(
    x: Tensor,
    scale: Tensor,
    shift: Tensor | None,
    epsilon: float,
    weight: Tensor,
    scales: Tensor | None,
    bias: Tensor | None,
    activation: str,
) -> Tensor:
    """Launch the kernel of `fused.sequence.norm_linear`."""
    (rows, inputs), outputs = x.shape, len(weight)
    result = x.new_empty(rows, outputs)
    given = (x, x.stride(0), scale, scale if shift is None else shift, epsilon, weight)
    after = (scale if scales is None else scales, scale if bias is None else bias, result, rows, inputs, outputs)
    marks = (shift is not None, scales is not None, bias is not None)
    block = 16 if rows <= 16 else 32
    grid = (triton.cdiv(rows, block), triton.cdiv(outputs, BLOCK_OUTPUTS))
    _norm_linear[grid](*given, *after, *marks, activation, block, BLOCK_OUTPUTS, BLOCK_INPUTS)
    return result


def add_linear(x: Tensor, inner: Tensor, weight: Tensor, scales: Tensor, bias: Tensor | None, factor: float) -> None:
    """Launch the kernel of `fused.sequence.add_linear`."""
    (rows, inputs), outputs = inner.shape, len(weight)
    given = (x, x.stride(0), inner.contiguous(), weight, scales, scales if bias is None else bias, factor)
    block = 16 if rows <= 16 else 32
    grid = (triton.cdiv(rows, block), triton.cdiv(outputs, BLOCK_OUTPUTS))
    _add_linear[grid](*given, rows, inputs, outputs, bias is not None, block, BLOCK_OUTPUTS, BLOCK_INPUTS)


def cached_attention(qkv: Tensor, keys: Tensor, values: Tensor, position: Tensor, width: int) -> Tensor:
    """Launch the kernel of `fused.sequence.cached_attention`."""
    n, (heads, positions, d) = len(qkv), keys.shape[1:]
    result = qkv.new_empty(n, heads * d)
    given = (qkv, keys, values, position, result, heads, positions, width, d**-0.5)
    _cached_attention[(n, heads)](*given, d, triton.next_power_of_2(d), BLOCK_POSITIONS)
    return result


def text_attention(
    query: Tensor, keys: Tensor, values: Tensor, length: Tensor, prior: Tensor | None, scale: float, shown: bool
) -> tuple[Tensor, Tensor]:
    """Launch the kernel of `fused.sequence.text_attention`."""
    n, (heads, text, d) = len(query), keys.shape[1:]
    result = torch.empty_like(query)
    probabilities = query.new_empty((n, heads, text) if shown else (0,), dtype=torch.float32)
    given = (query, keys, values, length, length if prior is None else prior, result, probabilities, heads, text, scale)
    _text_attention[(n, heads)](*given, prior is not None, shown, d, triton.next_power_of_2(d), BLOCK_POSITIONS)
    return result, probabilities


def draw(
    logits: Tensor,
    forbidden: Tensor,
    draws: Tensor,
    number: int,
    codes: Tensor,
    table: Tensor,
    guidance: float,
    width: int,
    temperature: float,
    top: int,
) -> Tensor:
    """Launch the kernel of `fused.sequence.draw`."""
    (rows, vocabulary), inputs = forbidden.shape, table.shape[1]
    result = table.new_empty(len(logits), inputs)
    marks = forbidden.view(torch.uint8)
    given = (logits, marks, draws, codes, table, result, guidance, temperature, number)
    sizes = (codes.shape[1], vocabulary, inputs, min(top, vocabulary), width, temperature <= 0)
    _draw[(rows,)](*given, *sizes, triton.next_power_of_2(vocabulary), triton.next_power_of_2(inputs))
    return result
