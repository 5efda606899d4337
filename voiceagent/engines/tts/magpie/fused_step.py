"""Magpie's decoder and its local transformer with a few kernels a layer: for a GPU.

It computes what `decoder.py` and `local_transformer.py` do, over the same caches. A norm is taken with the product that
follows it, a product is added to what it belongs to as it is computed, attention writes its own cache and reads no
more of it than there is, and a code is drawn and embedded for the next position at once.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from voiceagent.engines.nemo.fused import operation
from voiceagent.engines.nemo.fused.eight_bits import weights_of
from voiceagent.engines.nemo.fused.sequence import (
    add_product,
    cached_attention,
    draw,
    normed_product,
    text_attention,
)
from voiceagent.engines.tts.magpie.sampling import Sampling


class FusedDecoder:
    """The layers of a Magpie model's decoder, over a `Decoder`'s caches."""

    def __init__(self, model: Any, decoder: Any) -> None:
        self._layers, self._decoder = list(model.decoder.layers), decoder
        self._keys = decoder.keys.flatten(1, 2)
        self._values = decoder.values.flatten(1, 2)

    def step(self, x: Tensor, position: Tensor, length: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the next position of the first n rows, as `Decoder.step`; x is (n * width, model width) and is
        overwritten.
        """
        decoder, n, norm = self._decoder, len(position), self._decoder.norm_out
        with_text = x.view(n, decoder.width, -1)[:, 0]
        alignments: list[Tensor] = []
        for index, layer in enumerate(self._layers):
            attention = layer.self_attention
            qkv = normed_product(x, layer.norm_self, weights_of(attention.qkv_net))
            attended = cached_attention(qkv, self._keys[index], self._values[index], position, decoder.width)
            add_product(x, attended, weights_of(attention.o_net))
            attention = layer.cross_attention
            query = normed_product(with_text, layer.norm_xattn_query, weights_of(attention.q_net))
            texts = decoder.text_keys[index], decoder.text_values[index], length
            here = prior if index in decoder.with_prior else None
            shown = index in decoder.alignment_layers
            attended, probabilities = text_attention(query, *texts, here, attention.scale, shown)
            add_product(with_text, attended, weights_of(attention.o_net))
            if shown:
                alignments.append(probabilities)
            _feed_forward(x, layer)
        decoded = layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
        return decoded, torch.stack(alignments).mean((0, 2))


class FusedLocal:
    """A Magpie model's local transformer over up to `sequences` sequences, and how its codes are chosen.

    Tables hold what each code of a codebook is for the next position: embedded, projected, and at its place.
    """

    def __init__(self, model: Any, sampling: Sampling, sequences: int) -> None:
        transformer, embeddings = model.local_transformer, list(model.audio_embeddings)
        self._layers, self._norm_out = list(transformer.layers), transformer.norm_out
        self._heads = list(model.local_transformer_out_projections)
        self._into, self._sampling = model.local_transformer_in_projection, sampling
        positions, codes = transformer.position_embeddings.weight, len(self._heads)
        attention = self._layers[0].self_attention
        shape = len(self._layers), 2, sequences, attention.n_heads, codes, attention.d_head
        self._cache = torch.zeros(shape, dtype=positions.dtype, device=positions.device)
        self._places = torch.arange(codes, device=positions.device)[:, None].repeat(1, sequences)
        with torch.inference_mode():
            self._first = positions[0].clone()
            self._tables = torch.stack([self._into(embedding.weight) for embedding in embeddings])
            after = positions[1 : codes + 1]  # there may be none after the last, whose entries serve nothing
            self._tables[: len(after)] += after[:, None]

    def sample(self, decoded: Tensor, forbidden: Tensor, draws: Tensor) -> Tensor:
        """Return codes (n, codes) for decoder outputs (n * width, model width), none of them `forbidden` (n, tokens),
        chosen by `draws` (n, codes)."""
        how, n = self._sampling, len(decoded)
        codes = torch.empty_like(draws, dtype=torch.int64)
        x = self._into(decoded) + self._first
        for number, head in enumerate(self._heads):
            for layer, cache in zip(self._layers, self._cache, strict=True):
                attention = layer.self_attention
                qkv = normed_product(x, layer.norm_self, weights_of(attention.qkv_net))
                attended = cached_attention(qkv, cache[0], cache[1], self._places[number, :n], 1)
                add_product(x, attended, weights_of(attention.o_net))
                _feed_forward(x, layer)
            logits = normed_product(x, self._norm_out, weights_of(head))
            given = logits, forbidden, draws, number, codes, self._tables[number]
            x = draw(*given, how.guidance or 1.0, how.width, how.temperature, how.top_k)
        return codes


def can_be_fused(model: Any, device: torch.device) -> bool:
    """Return whether kernels can be used on the device, for this model's layers."""
    layers = [*model.decoder.layers, *model.local_transformer.layers]
    known = all(not layer.use_moe and layer.pos_ff.proj.kernel_size == 1 for layer in layers)
    return known and operation.works(device)


def _feed_forward(x: Tensor, layer: Any) -> None:
    """Add a layer's feed-forward network to x; in NeMo it is a convolution of width one."""
    inner, outer = layer.pos_ff.proj.conv, layer.pos_ff.o_net.conv
    widened = normed_product(x, layer.norm_pos_ff, weights_of(inner), "gelu")
    add_product(x, widened, weights_of(outer))
