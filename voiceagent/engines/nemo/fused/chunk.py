"""What a streaming conformer's layer does between its products, as operations of one kernel each.

Shapes: `batch` streams take `new` frames of `width` = heads x d numbers; `slots` (batch) int64 says where a stream's
state is and `seen` (batch) int64 how many frames it has taken before. Keys, values and inputs of the convolution are
rings: frame f is at place f modulo their length.
"""

import torch
from torch import Tensor
from torch.nn.functional import glu, layer_norm, silu

from voiceagent.engines.nemo.fused.operation import define


def _attention(
    qkv: Tensor,
    keys: Tensor,
    values: Tensor,
    slots: Tensor,
    seen: Tensor,
    positions: Tensor,
    bias_u: Tensor,
    bias_v: Tensor,
) -> Tensor:
    (batch, new, _), ring, (heads, _, d) = qkv.shape, keys.shape[1], positions.shape
    query, key, value = qkv.view(batch, new, 3, heads * d).unbind(2)
    at = torch.arange(new, device=qkv.device)
    head = seen[:, None] % ring
    keys[slots[:, None], head + at], values[slots[:, None], head + at] = key, value
    order = (torch.arange(ring, device=qkv.device) - head - new) % ring  # 0 is the oldest
    distance = (new - 1 - at)[:, None] + order[:, None]  # (batch, new, ring)
    hidden = order < (ring - new - seen)[:, None]

    def by_head(x: Tensor) -> Tensor:
        return x.reshape(batch, -1, heads, d).transpose(1, 2).float()

    asked = by_head(query)
    far = (asked + bias_v.float()[:, None]) @ positions.float().transpose(1, 2)
    far = far.gather(-1, distance[:, None].expand(-1, heads, -1, -1))
    scores = (asked + bias_u.float()[:, None]) @ by_head(keys[slots]).transpose(2, 3) * d**-0.5 + far
    weights = scores.masked_fill(hidden[:, None, None], float("-inf")).softmax(-1)
    return (weights @ by_head(values[slots])).transpose(1, 2).flatten(2).to(qkv.dtype)


def _attention_moved(
    qkv: Tensor,
    keys: Tensor,
    values: Tensor,
    slots: Tensor,
    seen: Tensor,
    positions: Tensor,
    bias_u: Tensor,
    bias_v: Tensor,
) -> int:
    written = qkv.nbytes * 2 // 3
    return qkv.nbytes + 2 * keys[0].nbytes * len(slots) + written + positions.nbytes + qkv.nbytes // 3


chunk_attention = define(
    "chunk_attention(Tensor qkv, Tensor(a!) keys, Tensor(b!) values, Tensor slots, Tensor seen, Tensor positions,"
    " Tensor bias_u, Tensor bias_v) -> Tensor",
    plain=_attention,
    shape=lambda qkv, *_: qkv.new_empty(*qkv.shape[:2], qkv.shape[2] // 3),
    kernel="chunk:chunk_attention",
    moved=_attention_moved,
)
"""Return Transformer-XL attention, (batch, new, width), over what is left of the past and the new frames.

`qkv` (batch, new, 3 * width) are the new frames' queries, keys and values; keys and values are written to the rings,
(slots, left + new, width) each. `positions` (heads, left + 2 * new - 1, d) are the projected distances, farthest
first, scaled as the scores are; `bias_u` and `bias_v` (heads, d).
"""


def _convolution(
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
    new, (kernel, width) = x.shape[1], weight.shape
    opened = glu(x.float(), -1).to(x.dtype)
    at = torch.arange(1 - kernel, new, device=x.device)
    old = ring[slots[:, None], (seen[:, None] + at[: kernel - 1]) % ring.shape[1]]
    ring[slots[:, None], (seen[:, None] + at[kernel - 1 :]) % ring.shape[1]] = opened
    window = torch.cat((old, opened), 1).float().unfold(1, kernel, 1)
    y = (window * weight.float().T).sum(-1)
    y = y if bias is None else y + bias.float()
    return silu(layer_norm(y, (width,), scale.float(), shift.float(), epsilon)).to(x.dtype)


causal_convolution = define(
    "causal_convolution(Tensor x, Tensor(a!) ring, Tensor slots, Tensor seen, Tensor weight, Tensor? bias,"
    " Tensor scale, Tensor shift, float epsilon) -> Tensor",
    plain=_convolution,
    shape=lambda x, *_: x.new_empty(*x.shape[:2], x.shape[2] // 2),
    kernel="chunk:causal_convolution",
    moved=lambda x, ring, slots, *_: 2 * x.nbytes + ring[0].nbytes * len(slots),
)
"""Return silu(norm(depthwise(glu(x)))), (batch, new, width), of x (batch, new, 2 * width).

`weight` is (kernel, width); `ring` (slots, kernel - 1 + new, width) holds the convolution's past inputs, zeros before
a stream's first. `scale` and `shift` are the layer norm's.
"""
