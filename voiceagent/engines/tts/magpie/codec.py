"""The codec's decoder as a stream: frames of codes in, samples out, with the inputs that every convolution still needs.

The decoder is causal, so the audio of a frame never changes afterwards: pieces of any size, concatenated, are the audio
of the whole. A convolution that looks back over `(kernel - 1) * dilation` inputs keeps that many; one that upsamples
keeps the one input that its next output still overlaps. Each begins with zeros: NeMo's padding.

Computes NeMo's `CausalHiFiGANDecoder`, with weight normalisation multiplied out once, in float32 as NeMo does.

On a GPU what lies between the convolutions is fused (`fused_sound.py`), and pieces have fixed sizes, each with a graph.
A stream's last piece is padded and the extra audio dropped; the stream's state is useless afterwards, because it is
over. A piece cannot be broken off, so that none is large: pieces of many frames are decoded for few streams at once,
which costs little, since a piece of this size fills a GPU.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d, conv_transpose1d

from voiceagent.audio.pcm import Pcm
from voiceagent.engines.nemo.graphs import captured, new_pool, to_host
from voiceagent.engines.tts.magpie.fused_sound import FusedSound, can_be_fused
from voiceagent.errors import VoiceAgentError

MOST_PIECE = 64
"""Rows times frames of the largest piece: time and memory grow with it."""


class Layer(Protocol):
    """A part of the decoder with state: maps x (rows, channels, time) of some places to its output."""

    def __call__(self, x: Tensor, places: Tensor) -> Tensor:
        """Compute the output and update the state."""

    def forget(self, place: int) -> None:
        """Reset one place."""


class Convolution:
    """A causal convolution."""

    def __init__(self, module: Any, places: int) -> None:
        convolution = module.conv
        if convolution.stride != (1,) or module.extra_pad_mode != "constant":
            raise VoiceAgentError("This codec's convolutions are not those of NanoCodec: use NVIDIA's for Magpie TTS.")
        self._weight, self.bias = convolution.weight.detach().clone(), convolution.bias
        self._dilation, self._groups = convolution.dilation, convolution.groups
        back = (convolution.kernel_size[0] - 1) * convolution.dilation[0]
        self.seen = self._weight.new_zeros(places, convolution.in_channels, back)

    def __call__(self, x: Tensor, places: Tensor) -> Tensor:
        """Return as many outputs as there are inputs."""
        x = torch.cat((self.seen[places], x), 2)
        self.seen[places] = x[:, :, x.shape[2] - self.seen.shape[2] :]
        return conv1d(x, self._weight, self.bias, dilation=self._dilation, groups=self._groups)

    def convolve(self, window: Tensor) -> Tensor:
        """Return the outputs without their bias, of inputs behind those seen before."""
        return conv1d(window, self._weight, dilation=self._dilation, groups=self._groups)

    def forget(self, place: int) -> None:
        """Reset one place."""
        self.seen[place] = 0


class Upsampling:
    """A transposed convolution whose kernel is twice its stride: each output has two inputs."""

    def __init__(self, module: Any, places: int) -> None:
        convolution = module.conv
        self.weight, self.bias = convolution.weight.detach().clone(), convolution.bias
        self._stride, self._groups = convolution.stride[0], convolution.groups
        if convolution.kernel_size[0] != 2 * self._stride or module.padding_left:
            raise VoiceAgentError("This codec's upsampling is not that of NanoCodec: use NVIDIA's for Magpie TTS.")
        self.seen = self.weight.new_zeros(places, convolution.in_channels, 1)

    def __call__(self, x: Tensor, places: Tensor) -> Tensor:
        """Return `stride` outputs for each input."""
        time, stride = x.shape[2], self._stride
        x = torch.cat((self.seen[places], x), 2)
        self.seen[places] = x[:, :, -1:]
        y = conv_transpose1d(x, self.weight, self.bias, stride=stride, groups=self._groups)
        return y[:, :, stride : stride * (time + 1)]

    def forget(self, place: int) -> None:
        """Reset one place."""
        self.seen[place] = 0


class StreamingCodec:
    """The codec of a Magpie TTS model, decoding up to `places` streams, each from where it left off.

    After `record`, a piece whose size is not a recorded one ends its stream.
    """

    def __init__(self, model: Any, places: int) -> None:
        codec = model._codec_model
        decoder = codec.audio_decoder
        if not hasattr(decoder, "pre_conv") or type(decoder).__name__ != "CausalHiFiGANDecoder":
            raise VoiceAgentError(
                f"The codec's decoder is a {type(decoder).__name__}, which is not causal and cannot stream:"
                " use nvidia/nemo-nano-codec-22khz-1.89kbps-21.5fps."
            )
        self.sample_rate: int = codec.output_sample_rate
        self.samples_per_frame: int = codec.samples_per_frame
        self.codebooks: int = model.num_audio_codebooks
        self.device: torch.device = next(decoder.parameters()).device
        self._layers: list[Layer] = []
        self._spare = places
        self._recorded: dict[tuple[int, int], _Piece] = {}
        self._rows: list[int] = []
        self._sizes: list[int] = []

        def convolution(module: Any) -> Convolution:
            self._layers.append(Convolution(module, places + 1))
            return self._layers[-1]  # type: ignore[return-value]

        self._into = convolution(decoder.pre_conv)
        self._stages = []
        stages = zip(decoder.activations, decoder.up_sample_conv_layers, decoder.res_layers, strict=True)
        for activation, up, residual in stages:
            upsampling = Upsampling(up, places + 1)
            self._layers.append(upsampling)
            branches = [
                [
                    (b.input_activation, convolution(b.input_conv), b.skip_activation, convolution(b.skip_conv))
                    for b in block.res_blocks
                ]
                for block in residual.res_blocks
            ]
            self._stages.append((activation, upsampling, branches))
        self._last_activation = decoder.post_activation
        self._out = convolution(decoder.post_conv)
        self._out_activation = decoder.out_activation
        fused = can_be_fused(self._stages, self._last_activation, self.device)
        self._fused = FusedSound(self._stages, self._last_activation, self._out) if fused else None
        self._table = self._dequantised(model)

    @torch.inference_mode()
    def decode(self, places: Sequence[int], codes: Sequence[NDArray[np.int64]]) -> list[Pcm]:
        """Return the samples of each stream's next frames, the same number for each: codes are (frames, codebooks)."""
        indices, at = torch.from_numpy(np.stack(codes)), torch.tensor(list(places))
        if not self._recorded:
            return list(to_host(self.samples(indices.to(self.device), at.to(self.device))).numpy().copy())
        count, frames = indices.shape[:2]
        rows = self._rows[bisect_left(self._rows, count)]
        piece = self._recorded[rows, self._size(frames)]
        return list(piece.run(indices, at)[:, : frames * self.samples_per_frame].numpy().copy())

    @torch.inference_mode()
    def record(self, sizes: Iterable[int], most_rows: int) -> None:
        """Record pieces of these numbers of frames, for up to `most_rows` streams at once; none may be under way."""
        self._rows = [2**power for power in range(most_rows.bit_length()) if 2**power < most_rows] + [most_rows]
        self._sizes = sorted(sizes)
        pool = new_pool(self.device)
        pieces = [(rows, frames) for frames in self._sizes for rows in self._rows if rows <= self.most_rows(frames)]
        for rows, frames in sorted(pieces, key=prod, reverse=True):  # the largest allocation first
            self._recorded[rows, frames] = _Piece(self, rows, frames, self._spare, pool)

    @property
    def recorded(self) -> tuple[tuple[int, int], ...]:
        """Rows and frames of the recorded pieces, in the order in which they were recorded."""
        return tuple(self._recorded)

    def most_rows(self, frames: int) -> int:
        """Return how many streams' pieces of `frames` frames can be decoded at once, of recorded pieces."""
        fits = max(1, MOST_PIECE // self._size(frames))
        return max(rows for rows in self._rows if rows == 1 or rows <= fits)

    def _size(self, frames: int) -> int:
        return self._sizes[bisect_left(self._sizes, frames)]

    @torch.inference_mode()
    def forget(self, place: int) -> None:
        """Reset a place for a new stream."""
        for layer in self._layers:
            layer.forget(place)

    def samples(self, codes: Tensor, places: Tensor) -> Tensor:
        """Return float32 samples (rows, time) of codes (rows, frames, codebooks), all on the device."""
        books = torch.arange(codes.shape[2], device=codes.device)
        x = self._into(self._table[books, codes].flatten(2).transpose(1, 2), places)
        x = self._fused(x, places) if self._fused else self._decoded(x, places)
        audio: Tensor = self._out_activation(x)
        return audio.squeeze(1).float()

    def _decoded(self, x: Tensor, places: Tensor) -> Tensor:
        for activation, upsampling, branches in self._stages:
            x = upsampling(activation(x), places)
            x = sum(_residual(x, branch, places) for branch in branches) / len(branches)
        return self._out(self._last_activation(x), places)

    def _dequantised(self, model: Any) -> Tensor:
        """Return the quantiser's vector for every code: (codebooks, codes, dimensions)."""
        converter = model._codec_converter
        quantiser = model._codec_model.vector_quantizer if converter is None else converter.vector_quantizer_new
        size, books = model.num_all_tokens_per_codebook, model.num_audio_codebooks
        with torch.inference_mode():
            every = torch.arange(size, device=self.device).expand(books, 1, size)
            values = quantiser.decode(indices=every, input_len=torch.tensor([size], device=self.device))
        return values[0].float().view(books, -1, size).transpose(1, 2).contiguous()


class _Piece:
    """A step of `rows` and `frames`, with tensors at fixed addresses; surplus rows use the spare place."""

    def __init__(self, codec: StreamingCodec, rows: int, frames: int, spare: int, pool: Any) -> None:
        device, books = codec.device, codec.codebooks
        self._spare = spare
        pinned = device.type == "cuda"
        self._host_codes = torch.zeros(rows, frames, books, dtype=torch.int64, pin_memory=pinned)
        self._host_places = torch.zeros(rows, dtype=torch.int64, pin_memory=pinned)
        self._codes = torch.zeros(rows, frames, books, dtype=torch.int64, device=device)
        self._places = torch.full((rows,), spare, device=device)
        self._audio = torch.zeros(rows, frames * codec.samples_per_frame, device=device)

        def decode() -> None:
            self._audio.copy_(codec.samples(self._codes, self._places))

        self._step = captured(decode, device, pool)

    def run(self, codes: Tensor, places: Tensor) -> Tensor:
        """Return the samples (rows, time) of the rows given, in main memory."""
        rows, frames = codes.shape[:2]
        self._host_codes[:rows, :frames].copy_(codes)
        self._host_places.fill_(self._spare)
        self._host_places[:rows].copy_(places)
        self._codes.copy_(self._host_codes, non_blocking=True)
        self._places.copy_(self._host_places, non_blocking=True)
        self._step()
        return to_host(self._audio[:rows])


def _residual(x: Tensor, branch: list[Any], places: Tensor) -> Tensor:
    for first, convolution, second, skip in branch:
        x = x + skip(second(convolution(first(x), places)), places)
    return x
