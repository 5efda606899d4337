"""The kernels of `fused/sound.py`."""

import torch
import triton
import triton.language as tl
from torch import Tensor

ELEMENTS = 1024
"""Of a program's tile."""
EPSILON = tl.constexpr(1e-9)


@triton.jit
def _half_snake(x, alpha, c, snakes, slope):
    a = tl.load(alpha + c, mask=c < snakes, other=1.0)
    wave = tl.sin(a * x)
    return tl.where(c < snakes, x + wave * wave / (a + EPSILON), tl.where(x > 0, x, slope * x))


@triton.jit
def _summed(x, bias, before, c, at, mask, HAS_BIAS: tl.constexpr, HAS_BEFORE: tl.constexpr):
    value = tl.load(x + at, mask=mask, other=0.0)
    if HAS_BIAS:
        value += tl.load(bias + c, mask=mask, other=0.0)
    if HAS_BEFORE:
        value += tl.load(before + at, mask=mask, other=0.0)
    return value


@triton.jit(do_not_specialize=["time", "back"])
def _snake_window(
    x,
    bias,
    before,
    alpha,
    slope,
    seen,
    places,
    window,
    total,
    channels,
    snakes,
    time,
    back,
    HAS_BIAS: tl.constexpr,
    HAS_BEFORE: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_BACK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)[:, None]
    t = tl.program_id(2) * BLOCK_T + tl.arange(0, BLOCK_T)[None]
    line = row * channels + c
    mask = (c < channels) & (t < time)
    value = _summed(x, bias, before, c, line * time + t, mask, HAS_BIAS, HAS_BEFORE)
    if HAS_BEFORE:
        tl.store(total + line * time + t, value, mask=mask)
    tl.store(window + line * (back + time) + back + t, _half_snake(value, alpha, c, snakes, slope), mask=mask)
    if tl.program_id(2) == 0:
        kept = tl.arange(0, BLOCK_BACK)[None]
        held = (c < channels) & (kept < back)
        state = seen + (tl.load(places + row) * channels + c) * back
        tl.store(window + line * (back + time) + kept, tl.load(state + kept, mask=held), mask=held)
        old = tl.load(state + kept + time, mask=held & (kept + time < back), other=0.0)
        at = kept + time - back
        last = _summed(x, bias, before, c, line * time + at, held & (at >= 0), HAS_BIAS, HAS_BEFORE)
        renewed = tl.where(at >= 0, _half_snake(last, alpha, c, snakes, slope), old)
        tl.debug_barrier()  # another thread may still have to read what is written now
        tl.store(state + kept, renewed, mask=held)


@triton.jit(do_not_specialize=["time"])
def _upsampled(
    x,
    alpha,
    slope,
    weight,
    bias,
    seen,
    places,
    result,
    outputs,
    snakes,
    time,
    PER: tl.constexpr,
    STRIDE: tl.constexpr,
    BLOCK_T: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    out = tl.program_id(1)
    at = tl.program_id(2) * BLOCK_T + tl.arange(0, BLOCK_T)
    mask = at < time * STRIDE
    t, phase = at // STRIDE, at % STRIDE
    value = tl.load(bias + out) + tl.zeros([BLOCK_T], tl.float32)
    place = tl.load(places + row)
    for each in tl.static_range(PER):
        c = out * PER + each
        line = x + (row * outputs * PER + c) * time
        state = seen + place * outputs * PER + c
        now = _half_snake(tl.load(line + t, mask=mask, other=0.0), alpha, c, snakes, slope)
        past = _half_snake(tl.load(line + t - 1, mask=mask & (t > 0), other=0.0), alpha, c, snakes, slope)
        past = tl.where(t > 0, past, tl.load(state))
        taps = weight + c * 2 * STRIDE + phase
        value += now * tl.load(taps) + past * tl.load(taps + STRIDE)
        if tl.program_id(2) == 0:
            last = _half_snake(tl.load(line + time - 1), alpha, c, snakes, slope)
            tl.debug_barrier()  # another thread may still have to read what is written now
            tl.store(state, last)
    tl.store(result + (row * outputs + out) * time * STRIDE + at, value, mask=mask)


@triton.jit(do_not_specialize=["time"])
def _mean(
    a, b, c, x, y, z, bias_x, bias_y, bias_z, result, channels, time, BLOCK_T: tl.constexpr
):  # three branches: NanoCodec's
    line = tl.program_id(0).to(tl.int64)
    channel = line % channels
    t = tl.program_id(1) * BLOCK_T + tl.arange(0, BLOCK_T)
    at, mask = line * time + t, t < time
    first = tl.load(a + at, mask=mask) + (tl.load(x + at, mask=mask) + tl.load(bias_x + channel))
    second = tl.load(b + at, mask=mask) + (tl.load(y + at, mask=mask) + tl.load(bias_y + channel))
    third = tl.load(c + at, mask=mask) + (tl.load(z + at, mask=mask) + tl.load(bias_z + channel))
    tl.store(result + at, (first + second + third) / 3, mask=mask)


def snake_window(
    x: Tensor, bias: Tensor | None, before: Tensor | None, alpha: Tensor, slope: float, seen: Tensor, places: Tensor
) -> tuple[Tensor, Tensor]:
    """Launch the kernel of `fused.sound.snake_window`."""
    x = x.contiguous()
    rows, channels, time = x.shape
    back = seen.shape[2]
    window = x.new_empty(rows, channels, back + time)
    total = x.new_empty(0 if before is None else x.shape)
    block_t = min(ELEMENTS, triton.next_power_of_2(time))
    block_c = max(1, min(ELEMENTS // block_t, triton.next_power_of_2(channels)))
    grid = (rows, triton.cdiv(channels, block_c), triton.cdiv(time, block_t))
    _snake_window[grid](
        x,
        x if bias is None else bias,
        x if before is None else before.contiguous(),
        alpha,
        slope,
        seen,
        places,
        window,
        total if before is not None else x,
        channels,
        alpha.numel(),
        time,
        back,
        bias is not None,
        before is not None,
        block_c,
        block_t,
        triton.next_power_of_2(max(back, 1)),
    )
    return window, total


def upsampled(
    x: Tensor, alpha: Tensor, slope: float, weight: Tensor, bias: Tensor, seen: Tensor, places: Tensor
) -> Tensor:
    """Launch the kernel of `fused.sound.upsampled`."""
    x = x.contiguous()
    (rows, channels, time), outputs, stride = x.shape, len(bias), weight.shape[2] // 2
    result = x.new_empty(rows, outputs, time * stride)
    block = min(ELEMENTS, triton.next_power_of_2(time * stride))
    _upsampled[(rows, outputs, triton.cdiv(time * stride, block))](
        x,
        alpha,
        slope,
        weight,
        bias,
        seen,
        places,
        result,
        outputs,
        alpha.numel(),
        time,
        channels // outputs,
        stride,
        block,
    )
    return result


def mean_of_branches(ends: list[Tensor], convolved: list[Tensor], biases: list[Tensor]) -> Tensor:
    """Launch the kernel of `fused.sound.mean_of_branches`."""
    rows, channels, time = ends[0].shape
    result = torch.empty_like(ends[0], memory_format=torch.contiguous_format)
    block = min(ELEMENTS, triton.next_power_of_2(time))
    given = [*(tensor.contiguous() for tensor in (*ends, *convolved)), *biases]
    _mean[(rows * channels, triton.cdiv(time, block))](*given, result, channels, time, block)
    return result
