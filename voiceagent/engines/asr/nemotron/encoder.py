"""The cache-aware FastConformer encoder, one chunk at a time for any set of its streams.

NeMo owns the modules; the step is ours. A stream's state is in preallocated rows (slots): the last mel frames, each
layer's keys and values (NeMo keeps the layer's input and projects all of it again at every step), each layer's last
inputs of the causal convolution, and how many frames it has seen. Keys and values are a ring: a step writes those of
its new frames over the oldest, and never moves the others; attention knows from the number of frames seen which are how
far away. Nothing is allocated per stream, no value is read by the host, and all shapes depend only on the number of
rows. So a step is one CUDA graph, and streams can come and go between any two steps.

On a GPU the layers are fused (`fused_layers.py`).

A stream's first chunk is a chunk like any other with a masked past: the subsampling's convolutions see zeros there, as
with NeMo's padding, and attention sees no frame before the first.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from voiceagent.engines.asr.nemotron.fused_layers import FusedLayers, can_be_fused
from voiceagent.engines.asr.nemotron.geometry import FRAME_MEL, MEL_CACHE, Geometry
from voiceagent.errors import VoiceAgentError

BEFORE = 2 * FRAME_MEL
"""Mel frames of a first chunk's window that lie before the stream."""


class StreamingEncoder:
    """A NeMo `ConformerEncoder` over `slots` streams. Weights keep their dtype, which is that of the norms, and the
    caches share it; linear layers may be packed (`engines/nemo/linears.py`).
    """

    def __init__(self, encoder: Any, geometry: Geometry, slots: int) -> None:
        _check(encoder, geometry)
        self._encoder = encoder
        self._geometry = geometry
        attention = encoder.layers[0].self_attn
        self._heads, self._head_size = int(attention.h), int(attention.d_k)
        self._width = self._heads * self._head_size
        self._kernel = int(encoder.layers[0].conv.depthwise_conv.kernel_size[0])
        weight = encoder.layers[0].norm_out.weight  # the linear layers may be packed
        self._dtype, self._device = weight.dtype, weight.device
        depth, left = len(encoder.layers), geometry.left_context

        def zeros(*shape: int, dtype: torch.dtype = self._dtype) -> Tensor:
            return torch.zeros(*shape, dtype=dtype, device=self._device)

        self._mel = zeros(slots, MEL_CACHE, encoder._feat_in, dtype=torch.float32)
        self._ring = left + geometry.frames
        self._seen = zeros(slots, dtype=torch.int64)
        self._positions = self._project_positions()
        self._fused: FusedLayers | None = None
        if can_be_fused(encoder, self._device):
            self._fused = FusedLayers(encoder, geometry, slots, self._positions)
        else:
            self._keys = zeros(depth, slots, self._ring, self._width)
            self._values = zeros(depth, slots, self._ring, self._width)
            self._conv = zeros(depth, slots, self._kernel - 1, self._width)
        self._places = torch.arange(self._ring, device=self._device)
        self._new = torch.arange(geometry.frames, device=self._device)
        self._before = torch.arange(MEL_CACHE + geometry.mel_frames, device=self._device) < BEFORE

    @property
    def state(self) -> tuple[tuple[Tensor, int], ...]:
        """A stream's whole state: tensors, and the slot dimension of each."""
        kept = self._fused.state if self._fused else ((self._keys, 1), (self._values, 1), (self._conv, 1))
        return (self._mel, 0), *kept, (self._seen, 0)

    def step(self, mel: Tensor, slots: Tensor) -> Tensor:
        """Encode the next chunk of some streams.

        Takes (batch, geometry.mel_frames, mels) float32 and (batch,) int64; returns (batch, geometry.frames, width).
        Rows that share a slot overwrite each other's state: only the spare slot may occur twice.
        """
        geometry = self._geometry
        seen = self._seen[slots]
        first = seen == 0
        window = torch.cat((self._mel[slots], mel), dim=1)
        window = window.masked_fill((first[:, None] & self._before[: window.shape[1]])[:, :, None], 0.0)
        self._mel.index_copy_(0, slots, window[:, -MEL_CACHE:])
        x = self._subsample(window.to(self._dtype), first)
        if self._encoder.xscale:
            x = x * self._encoder.xscale
        x = self._fused(x, slots, seen) if self._fused else self._layers(x, slots, seen)
        self._seen.index_copy_(0, slots, seen + geometry.frames)
        return x

    def _layers(self, x: Tensor, slots: Tensor, seen: Tensor) -> Tensor:
        where = self._look(seen, slots)
        for index, layer in enumerate(self._encoder.layers):
            x = x + layer.feed_forward1(layer.norm_feed_forward1(x)) * layer.fc_factor
            x = x + self._attend(index, layer.self_attn, layer.norm_self_att(x), where)
            x = x + self._convolve(index, layer.conv, layer.norm_conv(x), slots)
            x = x + layer.feed_forward2(layer.norm_feed_forward2(x)) * layer.fc_factor
            x = layer.norm_out(x)
        return x

    def _subsample(self, x: Tensor, first: Tensor) -> Tensor:
        """Turn eight mel frames into one frame; the cached ones give two more, which are known already."""
        hidden, begins = x[:, None], BEFORE
        for layer in self._encoder.pre_encode.conv:
            if getattr(layer, "stride", (1, 1)) != (1, 1):
                before = self._before[BEFORE - begins :][: hidden.shape[2]]
                hidden = hidden.masked_fill((first[:, None] & before)[:, None, :, None], 0.0)
                begins //= 2
            hidden = layer(hidden)
        hidden = hidden[:, :, -self._geometry.frames :].transpose(1, 2).flatten(2)
        return self._encoder.pre_encode.out(hidden)

    def _look(self, seen: Tensor, slots: Tensor) -> "_Where":
        """Return where a step's rows, which have seen `seen` frames, write and look; the same for every layer."""
        new, left = self._geometry.frames, self._geometry.left_context
        head = seen % self._ring  # `left` is a multiple of `new`, so that the new frames never wrap around
        order = (self._places - head[:, None] - new) % self._ring  # 0 is the oldest, left + new - 1 the newest
        distance = (new - 1 - self._new)[:, None] + order[:, None]
        hidden = order < (left - seen)[:, None]
        return _Where(
            slots,
            (slots[:, None], head[:, None] + self._new),
            distance[:, None].expand(-1, self._heads, -1, -1),
            hidden[:, None, None],
        )

    def _attend(self, index: int, module: Any, x: Tensor, where: "_Where") -> Tensor:
        """Compute Transformer-XL attention over the cached and the new frames."""
        batch, new = x.shape[:2]
        query = module.linear_q(x).view(batch, new, self._heads, self._head_size)
        keys = self._keep(self._keys[index], where, module.linear_k(x))
        values = self._keep(self._values[index], where, module.linear_v(x))
        # As one product for each head: broadcast over the batch, the table of positions would be copied for each row.
        by_head = (query + module.pos_bias_v).flatten(0, 1).transpose(0, 1)
        by_position = (by_head @ self._positions[index]).view(self._heads, batch, new, -1).transpose(0, 1)
        bias = by_position.gather(-1, where.distance).masked_fill(where.hidden, float("-inf"))
        attended = functional.scaled_dot_product_attention(
            (query + module.pos_bias_u).transpose(1, 2), self._split(keys), self._split(values), attn_mask=bias
        )
        return module.linear_out(attended.transpose(1, 2).flatten(2))

    def _convolve(self, index: int, module: Any, x: Tensor, slots: Tensor) -> Tensor:
        """Compute the causal depthwise convolution between its two pointwise ones."""
        x = functional.glu(_pointwise(module.pointwise_conv1, x), dim=-1)
        window = self._remember(self._conv[index], slots, x)
        depthwise = module.depthwise_conv
        x = (window.unfold(1, self._kernel, 1) * depthwise.weight[:, 0]).sum(-1)
        if depthwise.bias is not None:
            x = x + depthwise.bias
        return _pointwise(module.pointwise_conv2, module.activation(module.batch_norm(x)))

    def _remember(self, cache: Tensor, slots: Tensor, new: Tensor) -> Tensor:
        """Return (batch, cached + new, width), and keep its end for the next chunk."""
        joined = torch.cat((cache[slots], new), dim=1)
        cache.index_copy_(0, slots, joined[:, new.shape[1] :])
        return joined

    def _keep(self, ring: Tensor, where: "_Where", new: Tensor) -> Tensor:
        """Write the new frames (batch, new, width) over the oldest of their rows, and return the rings (batch, ring,
        width)."""
        ring.index_put_(where.written, new)
        return ring[where.slots]

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self._heads, self._head_size).transpose(1, 2)

    def _project_positions(self) -> list[Tensor]:
        """Return each layer's (heads, head_size, distances) for all distances a chunk can see, farthest first, scaled
        as attention scales its scores."""
        new, left = self._geometry.frames, self._geometry.left_context
        nothing = torch.zeros(1, new, self._width, dtype=self._dtype, device=self._device)
        _, embedded = self._encoder.pos_enc(nothing, cache_len=left)
        embedded = embedded[:, : left + 2 * new - 1].to(self._dtype)
        return [
            (projected.float() * self._head_size**-0.5)
            .to(self._dtype)
            .view(-1, self._heads, self._head_size)
            .permute(1, 2, 0)
            .contiguous()
            for projected in (layer.self_attn.linear_pos(embedded)[0] for layer in self._encoder.layers)
        ]


@dataclass(frozen=True, slots=True)
class _Where:
    """Where the rows of a step write and look in their rings."""

    slots: Tensor
    written: tuple[Tensor, Tensor]
    """(batch, 1) slots, and (batch, new) places in them."""
    distance: Tensor
    """(batch, heads, new, ring): the place of the distance between a new frame and each place's in the table."""
    hidden: Tensor
    """(batch, 1, 1, ring): the places that hold nothing of this stream, or nothing it may look back on."""


def _pointwise(conv: nn.Module, x: Tensor) -> Tensor:
    if not isinstance(conv, nn.Conv1d):
        return conv(x)  # packed
    return functional.linear(x, conv.weight[:, :, 0], conv.bias)


def _check(encoder: Any, geometry: Geometry) -> None:
    """Raise VoiceAgentError for an encoder that this step would compute wrongly."""
    layers = encoder.layers
    conv = layers[0].conv
    right_padding = getattr(conv.depthwise_conv, "_right_padding", None)
    problems = {
        "its subsampling is not the causal eightfold one": not encoder.pre_encode.is_causal
        or encoder.pre_encode._subsampling != "dw_striding"
        or encoder.subsampling_factor != FRAME_MEL,
        "its attention is not relative and chunked": encoder.self_attention_model != "rel_pos"
        or encoder.att_context_style != "chunked_limited",
        "its convolutions look ahead": right_padding != 0,
        "its convolutions have no layer norm": not isinstance(conv.batch_norm, nn.LayerNorm),
        "it has a reduction or an output projection": encoder.reduction_position is not None
        or encoder.out_proj is not None,
    }
    if wrong := [problem for problem, holds in problems.items() if holds]:
        raise VoiceAgentError(
            f"This encoder cannot be streamed: {'; '.join(wrong)}. Use a cache-aware streaming checkpoint "
            "(nemotron-speech-streaming-en-0.6b, nemotron-3.5-asr-streaming-0.6b)."
        )
    trained = [tuple(context) for context in encoder.att_context_size_all]
    wanted = (geometry.left_context, geometry.right_context)
    if wanted not in trained or geometry.left_context % geometry.frames:
        allowed = sorted(right for left, right in trained if left % (right + 1) == 0)
        raise VoiceAgentError(
            f"asr.right_context {geometry.right_context} (with a left context of {geometry.left_context}) is not one "
            f"this checkpoint was trained with. Set asr.right_context to one of {', '.join(map(str, allowed))}."
        )
