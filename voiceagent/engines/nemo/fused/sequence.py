"""What a transformer does at one position of some sequences, as operations of one kernel each.

Shapes: heads x d is a layer's attention; keys and values (places, heads, positions, d) are caches, whose first n
places are computed.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, linear, silu, softmax

from voiceagent.engines.nemo.fused.eight_bits import Weights
from voiceagent.engines.nemo.fused.operation import define

MOST_ROWS = 128
"""Rows that the kernel of a norm and a product is made for: a step's. For more torch's own are used, one after the
other."""
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "gelu": lambda x: gelu(x, approximate="tanh"),
    "silu": silu,
}
TINY = torch.finfo(torch.float32).tiny


def normed_product(x: Tensor, norm: Any, weights: Weights, activation: str = "none") -> Tensor:
    """Return activation(linear(norm(x))), (rows, outputs), of x (rows, inputs): of a few rows with one kernel."""
    weight, bias, scales = weights
    if isinstance(norm, nn.Identity):
        return ACTIVATIONS[activation](linear(x, weights.widened.to(x.dtype), bias))
    given = (x, norm.weight, norm.bias, norm.eps, weight, scales, bias, activation)
    few = len(x) <= MOST_ROWS or scales is not None
    made: Tensor = norm_linear(*given) if few else _norm_linear(*given)
    return made


def add_product(x: Tensor, inner: Tensor, weights: Weights, factor: float = 1.0) -> None:
    """Add linear(inner) times `factor` to x (rows, outputs): with one kernel if there is no bias, or for 8 bits."""
    if weights.scales is not None:
        add_linear(x, inner, weights.weight, weights.scales, weights.bias, factor)
        return
    x.addmm_(inner, weights.weight.T, alpha=factor)
    if weights.bias is not None:
        x.add_(weights.bias, alpha=factor)


def _norm_linear(
    x: Tensor,
    scale: Tensor,
    shift: Tensor | None,
    epsilon: float,
    weight: Tensor,
    scales: Tensor | None,
    bias: Tensor | None,
    activation: str,
) -> Tensor:
    normed = layer_norm(x, scale.shape, scale, shift, epsilon)
    return ACTIVATIONS[activation](linear(normed, Weights(weight, bias, scales).widened.to(x.dtype), bias))


norm_linear = define(
    "norm_linear(Tensor x, Tensor scale, Tensor? shift, float epsilon, Tensor weight, Tensor? scales, Tensor? bias,"
    " str activation) -> Tensor",
    plain=_norm_linear,
    shape=lambda x, scale, shift, epsilon, weight, *_: x.new_empty(len(x), len(weight)),
    kernel="sequence:norm_linear",
    moved=lambda x, scale, shift, epsilon, weight, *_: x.nbytes + weight.nbytes + x.itemsize * len(x) * len(weight),
    products=True,
)
"""Return activation(linear(norm(x))), (rows, outputs), of x (rows, inputs), whose rows may lie apart; with `scales`
(outputs), the weights have 8 bits."""


def _add_linear(x: Tensor, inner: Tensor, weight: Tensor, scales: Tensor, bias: Tensor | None, factor: float) -> None:
    x.add_(linear(inner, Weights(weight, bias, scales).widened.to(x.dtype), bias), alpha=factor)


add_linear = define(
    "add_linear(Tensor(a!) x, Tensor inner, Tensor weight, Tensor scales, Tensor? bias, float factor) -> ()",
    plain=_add_linear,
    shape=lambda *_: None,
    kernel="sequence:add_linear",
    moved=lambda x, inner, weight, *_: 2 * x.nbytes + inner.nbytes + weight.nbytes,
    products=True,
)
"""Add linear(inner) times `factor` to x (rows, outputs), whose rows may lie apart; the weights have 8 bits."""


def _cached_attention(qkv: Tensor, keys: Tensor, values: Tensor, position: Tensor, width: int) -> Tensor:
    n, (heads, positions, d) = len(qkv), keys.shape[1:]
    query, key, value = qkv.view(n, 3, heads, d).unbind(1)
    at = position.repeat_interleave(width)
    rows = torch.arange(n, device=qkv.device)
    keys[rows, :, at], values[rows, :, at] = key, value
    scores = (keys[:n].float() @ query.float()[..., None])[..., 0] * d**-0.5
    unseen = torch.arange(positions, device=qkv.device) > at[:, None, None]
    weights = softmax(scores.masked_fill(unseen, float("-inf")), -1)
    return (weights[:, :, None] @ values[:n].float()).flatten(1).to(qkv.dtype)


cached_attention = define(
    "cached_attention(Tensor qkv, Tensor(a!) keys, Tensor(b!) values, Tensor position, int width) -> Tensor",
    plain=_cached_attention,
    shape=lambda qkv, *_: qkv.new_empty(len(qkv), qkv.shape[1] // 3),
    kernel="sequence:cached_attention",
    moved=lambda qkv, keys, values, position, width: 2 * qkv.nbytes + 2 * keys[0].nbytes * len(qkv),
)
"""Write each sequence's key and value, of `qkv` (n, 3 * heads * d), at its position, and return its attention
(n, heads * d) over all positions up to it. `width` sequences share an element of `position` (n // width) int64."""


def _text_attention(
    query: Tensor, keys: Tensor, values: Tensor, length: Tensor, prior: Tensor | None, scale: float, shown: bool
) -> tuple[Tensor, Tensor]:
    n, (heads, text, d) = len(query), keys.shape[1:]
    scores = (keys[:n].float() @ query.view(n, heads, d, 1).float())[..., 0] * scale
    beyond = torch.arange(text, device=query.device) >= length[:n, None, None]
    attention = softmax(scores.masked_fill(beyond, float("-inf")), -1)
    if prior is not None:
        attention = attention * (prior[:n, None] + TINY)
        attention = attention / attention.sum(-1, keepdim=True)
    y = (attention[:, :, None] @ values[:n].float()).flatten(1).to(query.dtype)
    return y, attention if shown else attention.new_empty(0)


def _text_attention_shape(
    query: Tensor, keys: Tensor, values: Tensor, length: Tensor, prior: Tensor | None, scale: float, shown: bool
) -> tuple[Tensor, Tensor]:
    attention = (len(query), *keys.shape[1:3]) if shown else (0,)
    return torch.empty_like(query), query.new_empty(attention, dtype=torch.float32)


text_attention = define(
    "text_attention(Tensor query, Tensor keys, Tensor values, Tensor length, Tensor? prior, float scale, bool shown)"
    " -> (Tensor, Tensor)",
    plain=_text_attention,
    shape=_text_attention_shape,
    kernel="sequence:text_attention",
    moved=lambda query, keys, *_: 2 * query.nbytes + 2 * keys[0].nbytes * len(query),
)
"""Return attention (n, heads * d) of `query` (n, heads * d) to the first `length` (places) keys of each place's text.

Its probabilities are multiplied by `prior` (places, text), float32, and normalised; they are the second result,
(n, heads, text) float32, if they are to be `shown`.
"""


def _draw(
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
    given = logits.float().view(len(forbidden), width, -1)
    wanted = given[:, 0] if width == 1 else guidance * given[:, 0] + (1.0 - guidance) * given[:, 1]
    wanted = wanted.masked_fill(forbidden, float("-inf"))
    if temperature <= 0:
        chosen = wanted.argmax(-1)
    else:
        best, candidates = torch.topk(wanted, min(top, wanted.shape[-1]))
        upto = softmax(best / temperature, -1).cumsum(-1)
        index = (upto <= draws[:, number, None] * upto[:, -1:]).sum(-1, keepdim=True)
        chosen = candidates.gather(1, index.clamp_max(candidates.shape[1] - 1)).squeeze(1)
    codes[:, number] = chosen
    return table[chosen].repeat_interleave(width, 0)


draw = define(
    "draw(Tensor logits, Tensor forbidden, Tensor draws, int number, Tensor(a!) codes, Tensor table, float guidance,"
    " int width, float temperature, int top) -> Tensor",
    plain=_draw,
    shape=lambda logits, forbidden, draws, number, codes, table, *_: table.new_empty(len(logits), table.shape[1]),
    kernel="sequence:draw",
    moved=lambda logits, forbidden, draws, number, codes, table, *_: (
        logits.nbytes + forbidden.nbytes + 2 * table[0].nbytes * len(logits)
    ),
)
"""Choose a code for each row from its allowed logits, (rows * width, codes), by `draws[:, number]` (rows, codes), and
return the codes' rows of `table`, (rows * width, inputs). The choice is written to `codes[:, number]`.

With `width` 2 every second row of logits is unguided. At `temperature` 0 the most likely code is chosen.
"""
