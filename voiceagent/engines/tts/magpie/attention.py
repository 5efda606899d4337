"""NeMo's transformer layers, computed one position at a time over preallocated keys and values.

Shapes: `rows` are independent sequences, `heads` x `d` a layer's attention. The layers are NeMo's, or packed ones in
the place of its linear layers (`engines/nemo/linears.py`); the computation is that of
`transformer_2501.TransformerLayer`, without dropout and without masks that mask nothing. Knows neither text nor audio.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import gelu, scaled_dot_product_attention

from voiceagent.engines.nemo.linears import over_one_position
from voiceagent.errors import VoiceAgentError


class SelfAttention:
    """One layer's self-attention."""

    def __init__(self, layer: Any) -> None:
        attention = layer.self_attention
        self.heads: int = attention.n_heads
        self.d: int = attention.d_head
        self._norm = layer.norm_self
        self._qkv, self._out = attention.qkv_net, attention.o_net

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return query, key and value, each (rows, heads, time, d), of x (rows, time, width)."""
        rows, time, _ = x.shape
        qkv = self._qkv(self._norm(x)).view(rows, time, 3, self.heads, self.d)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        return query, key, value

    def attend(self, query: Tensor, keys: Tensor, values: Tensor, seen: Tensor | None) -> Tensor:
        """Return (rows, time, width): attention over the positions marked in `seen` (None: all)."""
        rows, _, time, _ = query.shape
        y = scaled_dot_product_attention(query, keys, values, attn_mask=seen)
        attended: Tensor = self._out(y.transpose(1, 2).reshape(rows, time, -1))
        return attended

    def attend_causally(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return causal self-attention over x, (rows, time, width), and its keys and values."""
        rows, time, _ = x.shape
        query, key, value = self.project(x)
        y = scaled_dot_product_attention(query, key, value, is_causal=True)
        return self._out(y.transpose(1, 2).reshape(rows, time, -1)), key, value


class TextAttention:
    """One layer's cross-attention to the text, whose probabilities a prior may change."""

    def __init__(self, layer: Any) -> None:
        attention = layer.cross_attention
        self.heads: int = attention.n_heads
        self.d: int = attention.d_head
        self._scale: float = attention.scale
        self._norm_query = layer.norm_xattn_query
        self._norm_memory = layer.norm_xattn_memory
        self._query, self._kv, self._out = attention.q_net, attention.kv_net, attention.o_net

    def project(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Return key and value (heads, text, d) of an encoded text (text, width)."""
        kv = self._kv(self._norm_memory(encoded)).view(len(encoded), 2, self.heads, self.d)
        key, value = kv.permute(1, 2, 0, 3)
        return key, value

    def attend(
        self, x: Tensor, keys: Tensor, values: Tensor, text: Tensor, prior: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return (rows, time, width) and the probabilities (rows, heads, time, text), in float32.

        `text` marks the valid tokens, (rows, 1, 1, text); `prior` (rows, 1, 1, text) multiplies their probabilities,
        which are then normalised.
        """
        rows, time, _ = x.shape
        query = self._query(self._norm_query(x)).view(rows, time, self.heads, self.d).transpose(1, 2)
        scores = (query @ keys.transpose(2, 3)).float() * self._scale
        attention = torch.softmax(scores.masked_fill(~text, float("-inf")), -1)
        if prior is not None:
            attention = attention * (prior + torch.finfo(torch.float32).tiny)
            attention = attention / attention.sum(-1, keepdim=True)
        y = (attention.to(values.dtype) @ values).transpose(1, 2).reshape(rows, time, -1)
        return self._out(y), attention


class FeedForward:
    """One layer's feed-forward network; in NeMo a convolution of width one."""

    def __init__(self, layer: Any) -> None:
        network = layer.pos_ff
        if layer.use_moe or network.proj.kernel_size != 1:
            raise VoiceAgentError(
                "This checkpoint's decoder has experts or wide convolutions, which no released Magpie TTS has and"
                " voiceagent does not support: use nvidia/magpie_tts_multilingual_357m."
            )
        self._norm = layer.norm_pos_ff
        self._inner, self._outer = over_one_position(network.proj.conv), over_one_position(network.o_net.conv)

    def __call__(self, x: Tensor) -> Tensor:
        """Return (rows, time, width) of x (rows, time, width)."""
        widened: Tensor = self._outer(gelu(self._inner(self._norm(x)), approximate="tanh"))
        return widened
