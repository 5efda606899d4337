"""The codec for a CPU: the same decoder with weights laid out once, and few passes over what lies between them.

A short piece is mostly the reading of 32 million weights, which torch's `conv1d` lays out again at every call. Here
they are in oneDNN's order from the start, and sound is (rows, time, channels) in memory, as its kernels read it. The
three branches of a stage go through their activations together: (rows, branches, time, channels).

With bfloat16 the residual convolutions' weights and inputs are rounded to 8 bits of mantissa; all between them stays
float32, and so do the first and the last convolution.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from voiceagent.engines.nemo.linears import Float32
from voiceagent.engines.tts.magpie.codec import StreamingCodec

WIDE = 400
"""Values that belong to different moments are treated as if they were channels until there are this many: torch
computes short rows slowly."""
SMALLEST = 1e-9
"""NeMo adds it to a snake's alpha before dividing by it."""
TYPICAL_TIME = 256
"""The length of input that oneDNN chooses the order of weights for."""


def codec_for(model: Any, places: int) -> StreamingCodec:
    """Return the codec of a model on its device, as exact as the rest of the model."""
    decoder = model._codec_model.audio_decoder
    device = next(decoder.parameters()).device
    if device.type != "cpu" or not torch.backends.mkldnn.is_available() or not _has_half_snakes(decoder):
        return StreamingCodec(model, places)
    return PackedCodec(model, places, dtype_beside(model.final_proj))


def dtype_beside(layer: nn.Module) -> torch.dtype:
    """Return the codec's dtype beside such a layer: float32 unless it is inexact and this CPU multiplies bfloat16 in
    tiles (AMX). With AVX-512 alone oneDNN has no kernel for short pieces: six frames took 590 ms instead of 86."""
    exact = isinstance(layer, nn.Linear | Float32) and layer.weight.dtype == torch.float32
    return torch.bfloat16 if torch.cpu._is_amx_tile_supported() and not exact else torch.float32


class PackedCodec(StreamingCodec):
    """A codec on a CPU, with residual convolutions in float32 or bfloat16."""

    def __init__(self, model: Any, places: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(model, places)
        self.dtype = dtype
        self._layers, self._stages = [], []  # NeMo's weights as they are, which are not used here
        decoder = model._codec_model.audio_decoder
        with torch.inference_mode():
            self._first = _Causal([decoder.pre_conv], places, torch.float32)
            stages = zip(decoder.activations, decoder.up_sample_conv_layers, decoder.res_layers, strict=True)
            rate = 1
            self._parts: list[tuple[_Snakes, _Up, list[_Block]]] = []
            for activation, up, residual in stages:
                before = _Snakes([activation], up.conv.in_channels, rate)
                rate *= up.conv.stride[0]
                blocks = zip(*(branch.res_blocks for branch in residual.res_blocks), strict=True)
                self._parts.append((before, _Up(up, places), [_Block(b, rate, places, dtype) for b in blocks]))
            self._before_last = _Snakes([decoder.post_activation], decoder.post_conv.conv.in_channels, rate)
            self._last = _Causal([decoder.post_conv], places, torch.float32)

    @torch.inference_mode()
    def forget(self, place: int) -> None:
        """Reset a place for a new stream."""
        states = [self._first, self._last]
        for _, up, blocks in self._parts:
            up.seen[place] = 0
            states += [convolution for block in blocks for convolution in block.convolutions]
        for state in states:
            state.seen[place] = 0

    def samples(self, codes: Tensor, places: Tensor) -> Tensor:
        """Return float32 samples (rows, time) of codes (rows, frames, codebooks)."""
        at = places.tolist()
        books = torch.arange(codes.shape[2])
        x = self._first(self._table[books, codes].flatten(2).unsqueeze(1), at)
        for activation, up, blocks in self._parts:
            x = up(activation(x).squeeze(1), at).unsqueeze(1)
            for block in blocks:
                x = block(x, at)
            x = x.mean(1, keepdim=True)
        x = self._last(self._before_last(x), at).squeeze(1)
        audio: Tensor = self._out_activation(x.transpose(1, 2))
        return audio.squeeze(1)


class _Snakes:
    """The activations of some branches: NeMo's HalfSnake, half of whose channels are a leaky ReLU's.

    A snake is x + sin(alpha x)^2 / alpha. Both are computed for all channels: a leaky channel's alpha is 0, a snake's
    slope 1.
    """

    def __init__(self, modules: Sequence[Any], channels: int, rate: int) -> None:
        alphas, inverses, slopes = [], [], []
        for module in modules:
            half = module.activation
            alpha = half.snake_act.alpha.detach().float().flatten()
            leaky = torch.zeros(channels - half.snake_channels)
            alphas.append(torch.cat((alpha, leaky)))
            inverses.append(torch.cat(((alpha + SMALLEST).reciprocal(), leaky)))
            slopes.append(torch.cat((torch.ones_like(alpha), leaky + half.lrelu.negative_slope)))
        self._alpha, self._inverse, self._slope = (_widened(each, rate) for each in (alphas, inverses, slopes))

    def __call__(self, x: Tensor) -> Tensor:
        """Return (rows, branches, time, channels) of x, whose branches may be one for all."""
        rows, _, time, channels = x.shape
        wide = self._alpha.shape[-1]
        x = x.reshape(rows, -1, time * channels // wide, wide)
        wave = (x * self._alpha).sin_().square_()
        y = torch.maximum(x, x * self._slope).addcmul_(wave, self._inverse)
        return y.view(rows, -1, time, channels)


class _Causal:
    """Causal convolutions of some branches, computed with what each still needs of the inputs before."""

    def __init__(self, modules: Sequence[Any], places: int, dtype: torch.dtype) -> None:
        self._kernels = [_Kernel(module.conv, dtype) for module in modules]
        self._back = max(kernel.back for kernel in self._kernels)
        self._dtype = dtype
        channels = modules[0].conv.in_channels
        self.seen = torch.zeros(places, len(modules), self._back, channels, dtype=dtype)

    def __call__(self, x: Tensor, places: list[int]) -> Tensor:
        """Return (rows, branches, time, outputs), float32, of x (rows, branches, time, inputs)."""
        x = torch.cat((_held(self.seen, places), x.to(self._dtype)), 2)
        _hold(self.seen, places, x[:, :, x.shape[2] - self._back :])
        sounds = [kernel(x[:, at, self._back - kernel.back :]) for at, kernel in enumerate(self._kernels)]
        return torch.stack(sounds, 1).float()


class _Kernel:
    """One convolution's weights, in oneDNN's order."""

    def __init__(self, convolution: Any, dtype: torch.dtype) -> None:
        weight = convolution.weight.detach().unsqueeze(2).to(dtype)
        self.back = (weight.shape[3] - 1) * convolution.dilation[0]
        self._dilation = [1, convolution.dilation[0]]
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(
            weight.contiguous(memory_format=torch.channels_last),
            *([0, 0], [1, 1], self._dilation, 1),
            [1, weight.shape[1], 1, TYPICAL_TIME + self.back],
        )
        self._bias = convolution.bias.detach().to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """Return (rows, time, outputs) of x (rows, `back` + time, inputs)."""
        shape = [0, 0], [1, 1], self._dilation, 1
        x = x.transpose(1, 2).unsqueeze(2)
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(x, self._weight, self._bias, *shape, "none", [], "")
        return y.squeeze(2).transpose(1, 2)


class _Up:
    """An upsampling, where an output has two inputs of each moment, this and the one before: NanoCodec's groups."""

    def __init__(self, module: Any, places: int) -> None:
        convolution = module.conv
        self._stride: int = convolution.stride[0]
        self._bias = convolution.bias.detach()
        self._inputs = convolution.in_channels // convolution.out_channels
        weight = convolution.weight.detach().view(-1, self._inputs, 2, self._stride)
        self._weights = weight.permute(2, 1, 3, 0).reshape(2 * self._inputs, self._stride, -1).contiguous()
        self.seen = torch.zeros(places, 1, convolution.in_channels)

    def __call__(self, x: Tensor, places: list[int]) -> Tensor:
        """Return (rows, time * stride, outputs) of x (rows, time, inputs)."""
        rows, time, _ = x.shape
        x = torch.cat((_held(self.seen, places), x), 1)
        _hold(self.seen, places, x[:, -1:])
        each = x.view(rows, time + 1, 1, -1, self._inputs).unbind(-1)
        y = self._bias
        for number, weight in enumerate(self._weights):
            before, group = divmod(number, self._inputs)
            part = each[group][:, 1 - before : time + 1 - before].contiguous()
            y = torch.addcmul(y, part, weight)
        return y.view(rows, time * self._stride, -1)


class _Block:
    """The residual blocks of all branches that follow each other at the same depth."""

    def __init__(self, blocks: Sequence[Any], rate: int, places: int, dtype: torch.dtype) -> None:
        channels = blocks[0].input_conv.conv.in_channels
        self._before = _Snakes([block.input_activation for block in blocks], channels, rate)
        self._between = _Snakes([block.skip_activation for block in blocks], channels, rate)
        self.convolutions = tuple(
            _Causal([getattr(block, name) for block in blocks], places, dtype) for name in ("input_conv", "skip_conv")
        )

    def __call__(self, x: Tensor, places: list[int]) -> Tensor:
        """Return (rows, branches, time, channels) of x, whose branches may be one for all."""
        first, second = self.convolutions
        return second(self._between(first(self._before(x), places)), places).add_(x)


def _has_half_snakes(decoder: Any) -> bool:
    activations = [module for module in decoder.modules() if type(module).__name__ == "CodecActivation"]
    return all(type(activation.activation).__name__ == "HalfSnake" for activation in activations)


def _widened(rows: list[Tensor], rate: int) -> Tensor:
    """Return (branches, 1, values): each branch's values of a channel, for as many moments as are treated together."""
    stacked = torch.stack(rows)
    moments = 1
    while stacked.shape[1] * moments < WIDE and rate % (2 * moments) == 0:
        moments *= 2
    return stacked.repeat(1, moments).unsqueeze(1)


def _held(state: Tensor, places: list[int]) -> Tensor:
    """Return the state of some places, without a copy if it is one."""
    return state.narrow(0, places[0], 1) if len(places) == 1 else state[places]


def _hold(state: Tensor, places: list[int], new: Tensor) -> None:
    if len(places) == 1:
        state.narrow(0, places[0], 1).copy_(new)
    else:
        state[places] = new
