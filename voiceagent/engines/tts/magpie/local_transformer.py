"""The local transformer: from the decoder's output at one step to the codes of its frames, one codebook after another.

The keys and values of a step's few positions are in preallocated memory; no position depends on another step. Knows
nothing of utterances.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from voiceagent.engines.tts.magpie.attention import FeedForward, SelfAttention

Choose = Callable[[Tensor, int], Tensor]
"""From logits (rows * width, tokens) of the codebook with this number to the chosen codes (rows * width)."""


class LocalTransformer:
    """NeMo's autoregressive local transformer over up to `sequences` sequences at once."""

    def __init__(self, model: Any, sequences: int) -> None:
        transformer = model.local_transformer
        self._into = model.local_transformer_in_projection
        self._heads = list(model.local_transformer_out_projections)
        self._embeddings = list(model.audio_embeddings)
        self._positions = transformer.position_embeddings.weight
        self._norm_out = transformer.norm_out
        self._layers = [(SelfAttention(layer), FeedForward(layer)) for layer in transformer.layers]
        self.codes = len(self._heads)
        attention = self._layers[0][0]
        shape = (len(self._layers), 2, sequences, attention.heads, self.codes, attention.d)
        self._cache = torch.zeros(shape, dtype=self._positions.dtype, device=self._positions.device)

    def sample(self, decoded: Tensor, choose: Choose) -> Tensor:
        """Return the codes (sequences, codes) that `choose` picks, given decoder outputs (sequences, width)."""
        n = len(decoded)
        chosen: list[Tensor] = []
        x = self._into(decoded)
        for number in range(self.codes):
            y = (x + self._positions[number]).unsqueeze(1)
            for (attention, feed_forward), cache in zip(self._layers, self._cache, strict=True):
                query, key, value = attention.project(y)
                cache[0, :n, :, number : number + 1] = key
                cache[1, :n, :, number : number + 1] = value
                keys, values = cache[:, :n, :, : number + 1]
                y = y + attention.attend(query, keys, values, None)
                y = y + feed_forward(y)
            logits = self._heads[number](self._norm_out(y.squeeze(1)))
            codes = choose(logits, number)
            chosen.append(codes)
            if number + 1 < self.codes:
                x = self._into(self._embeddings[number](codes))
        return torch.stack(chosen, 1)
