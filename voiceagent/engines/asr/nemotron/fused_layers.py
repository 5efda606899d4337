"""The encoder's layers with everything between their products in one kernel each: for a GPU.

It computes what `encoder.py` does module by module, in a third of the kernels: queries, keys and values are one
product; a norm is taken with the product that follows it, if rows are few; and a product is added to what it belongs to
as it is computed. A stream's state is keys, values and past inputs of the convolution, all of them rings.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from voiceagent.engines.asr.nemotron.geometry import Geometry
from voiceagent.engines.nemo.fused import operation
from voiceagent.engines.nemo.fused.chunk import causal_convolution, chunk_attention
from voiceagent.engines.nemo.fused.eight_bits import EightBits, Weights, weights_of
from voiceagent.engines.nemo.fused.sequence import add_product, normed_product


class FusedLayers:
    """The layers of a NeMo `ConformerEncoder` over `slots` streams; `positions` are each layer's (heads, d,
    distances), as `encoder.py` projects them. Its attention's weights become views of joint ones.
    """

    def __init__(self, encoder: Any, geometry: Geometry, slots: int, positions: list[Tensor]) -> None:
        self._layers = list(encoder.layers)
        self._positions = [table.transpose(1, 2).contiguous() for table in positions]
        self._qkv = [_joint(layer.self_attn) for layer in self._layers]
        self._taps = [layer.conv.depthwise_conv.weight[:, 0].T.contiguous() for layer in self._layers]
        kernel, width = self._taps[0].shape
        ring, new = geometry.left_context + geometry.frames, geometry.frames
        self.keys = self._taps[0].new_zeros(len(self._layers), slots, ring, width)
        self.values = torch.zeros_like(self.keys)
        self.past = self.keys.new_zeros(len(self._layers), slots, kernel - 1 + new, width)

    @property
    def state(self) -> tuple[tuple[Tensor, int], ...]:
        """A stream's state: tensors, and the slot dimension of each."""
        return (self.keys, 1), (self.values, 1), (self.past, 1)

    def __call__(self, x: Tensor, slots: Tensor, seen: Tensor) -> Tensor:
        """Return the layers' output (batch, new, width) for x; `seen` (batch) frames came before it in each row."""
        batch, new, width = x.shape
        x = x.reshape(batch * new, width).contiguous()
        for index, layer in enumerate(self._layers):
            _feed_forward(x, layer.norm_feed_forward1, layer.feed_forward1, layer.fc_factor)
            attention = layer.self_attn
            qkv = normed_product(x, layer.norm_self_att, self._qkv[index]).view(batch, new, 3 * width)
            biases = attention.pos_bias_u, attention.pos_bias_v
            rings = self.keys[index], self.values[index]
            attended = chunk_attention(qkv, *rings, slots, seen, self._positions[index], *biases)
            add_product(x, attended.view(batch * new, width), weights_of(attention.linear_out))
            module, norm = layer.conv, layer.conv.batch_norm
            opened = normed_product(x, layer.norm_conv, weights_of(module.pointwise_conv1))
            given = opened.view(batch, new, 2 * width), self.past[index], slots, seen
            taps = self._taps[index], module.depthwise_conv.bias
            convolved = causal_convolution(*given, *taps, norm.weight, norm.bias, norm.eps)
            add_product(x, convolved.view(batch * new, width), weights_of(module.pointwise_conv2))
            _feed_forward(x, layer.norm_feed_forward2, layer.feed_forward2, layer.fc_factor)
            last = layer.norm_out
            x = layer_norm(x, last.normalized_shape, last.weight, last.bias, last.eps)
        return x.view(batch, new, width)


def can_be_fused(encoder: Any, device: torch.device) -> bool:
    """Return whether kernels can be used on the device, for these layers."""
    first = encoder.layers[0]
    activations = first.feed_forward1.activation, first.feed_forward2.activation, first.conv.activation
    known = all(isinstance(one, nn.SiLU) for one in activations) and isinstance(
        first.self_attn.linear_q, nn.Linear | EightBits
    )
    return known and operation.works(device)


def _joint(attention: Any) -> Weights:
    """Return joint weights of queries, keys and values; the modules keep views of them."""
    modules = attention.linear_q, attention.linear_k, attention.linear_v
    scales = None if weights_of(modules[0]).scales is None else torch.cat([module.scales for module in modules])
    weight = torch.cat([module.weight.data for module in modules])
    for module, part in zip(modules, weight.chunk(3), strict=True):
        module.weight.data = part
    return Weights(weight, None if modules[0].bias is None else torch.cat([module.bias for module in modules]), scales)


def _feed_forward(x: Tensor, norm: Any, module: Any, factor: float) -> None:
    """Add half of a feed-forward network to x (rows, width)."""
    widened = normed_product(x, norm, weights_of(module.linear1), "silu")
    add_product(x, widened, weights_of(module.linear2), factor)
