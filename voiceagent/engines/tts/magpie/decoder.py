"""Magpie's decoder over preallocated caches: a voice and a text are read once, then each step is one position per row.

A row is one utterance. With guidance it is computed twice (`width` 2): with its text, and without any. NeMo gives the
second no voice and a text of zeros, so that its attention to the text is exactly zero and is omitted here, and
everything before its first frame is the same for every utterance and is computed once.

No value is read back from the device. Source of the arithmetic: NeMo's `transformer_2501` and the forward part of
`MagpieTTSModel.infer_batch` with its cache on.
"""

from typing import Any

import torch
from torch import Tensor

from voiceagent.engines.tts.magpie.attention import FeedForward, SelfAttention, TextAttention
from voiceagent.engines.tts.magpie.fused_step import FusedDecoder, can_be_fused

ALIGNED = 64
"""Attention on a GPU copies a mask whose width is no multiple of 8 at every call; and kernels like round sizes."""


class Decoder:
    """The decoder's layers with caches for `rows` rows of up to `steps` steps and `text` tokens."""

    def __init__(self, model: Any, *, rows: int, width: int, steps: int, text: int) -> None:
        decoder = model.decoder
        self.width = width
        self.context = int(model._baked_embedding_T)
        """Positions that a voice takes; the first frame's comes after them."""
        self.positions = -(-(self.context + steps) // ALIGNED) * ALIGNED
        self._position_table = decoder.position_embeddings.weight
        self.norm_out = decoder.norm_out
        self._layers = [(SelfAttention(x), TextAttention(x), FeedForward(x)) for x in decoder.layers]
        self._final = model.final_proj
        parameters = model.inference_parameters
        every = range(len(self._layers))
        self.with_prior = frozenset(_or_all(parameters.apply_prior_to_layers, every))
        self.alignment_layers = frozenset(_or_all(parameters.estimate_alignment_from_layers, every))
        own, other = self._layers[0][0], self._layers[0][1]
        options = {"dtype": self._position_table.dtype, "device": self._position_table.device}
        depth = len(self._layers)
        self.keys = torch.zeros(depth, rows, width, own.heads, self.positions, own.d, **options)
        self.values = torch.zeros_like(self.keys)
        self.text_keys = torch.zeros(depth, rows, other.heads, text, other.d, **options)
        self.text_values = torch.zeros_like(self.text_keys)
        self.text_mask = torch.zeros(rows, 1, 1, text, dtype=torch.bool, device=self.keys.device)
        self.text_mask[..., 0] = True  # a row that was never used is still computed in full buckets
        self._ids = torch.arange(self.positions, device=self.keys.device)
        self._rows = torch.arange(rows, device=self.keys.device)
        self._unheard = [self._hear_nothing()] if width == 2 else []
        for row in range(rows):
            self.clear(row)
        self._fused = FusedDecoder(model, self) if can_be_fused(model, self.keys.device) else None

    @property
    def reads_what_there_is(self) -> bool:
        """Whether a recorded step reads no more positions than there are, whatever its span."""
        return self._fused is not None

    def clear(self, row: int) -> None:
        """Reset a row: masked values must still be finite, because zero times NaN is NaN."""
        for cache in (self.keys, self.values, self.text_keys, self.text_values):
            cache[:, row] = 0
        for keys, values in self._unheard:
            self.keys[:, row, 1, :, : self.context] = keys
            self.values[:, row, 1, :, : self.context] = values

    def _hear_nothing(self) -> tuple[Tensor, Tensor]:
        """Return the keys and values (layers, heads, context, d) of what every row's unguided sequence (no text, no
        voice) has seen before its first frame.
        """
        keys, values = [], []
        x = self._position_table[: self.context][None]
        for attention, _, feed_forward in self._layers:
            y, key, value = attention.attend_causally(x)
            keys.append(key[0])
            values.append(value[0])
            x = x + y
            x = x + feed_forward(x)
        return torch.stack(keys), torch.stack(values)

    def read(self, row: int, voice: Tensor, encoded: Tensor, prior: Tensor | None) -> None:
        """Put a voice (context, model width) and an encoded text (text, model width) into a row.

        `prior` (text) changes the attention of this part too, as in NeMo at the start of a later chunk.
        """
        length = len(encoded)
        text = self.text_mask.new_ones(1, 1, 1, length)
        bend = None if prior is None else prior.to(self.keys.device).view(1, 1, 1, length)
        self.text_mask[row] = False
        self.text_mask[row, :, :, :length] = True
        x = (voice + self._position_table[: self.context])[None]
        for index, (attention, to_text, feed_forward) in enumerate(self._layers):
            y, key, value = attention.attend_causally(x)
            self.keys[index, row, 0, :, : self.context] = key[0]
            self.values[index, row, 0, :, : self.context] = value[0]
            x = x + y
            text_key, text_value = to_text.project(encoded)
            self.text_keys[index, row, :, :length] = text_key
            self.text_values[index, row, :, :length] = text_value
            here = bend if index in self.with_prior else None
            y, _ = to_text.attend(x, text_key[None], text_value[None], text, here)
            x = x + y
            x = x + feed_forward(x)

    def step(self, frames: Tensor, position: Tensor, length: Tensor, prior: Tensor, span: int) -> tuple[Tensor, Tensor]:
        """Compute the next position of the first n rows.

        `frames` (n, model width) are the embedded codes of the previous step, `position` (n) each row's position, less
        than `span`, `length` (n) its text's; `prior` (n, text). Returns the decoder's output, (n * width, model width),
        and the mean attention to the text, (n, text).
        """
        n = len(frames)
        rows, width = self.rows(n), self.width
        x = (frames + self._position_table[position]).repeat_interleave(width, 0)
        if self._fused:
            return self._fused.step(x, position, length, prior)
        x = x.unsqueeze(1)
        # As numbers to add: made of truth values, every layer's attention would make them for itself.
        unseen = torch.zeros(n, span, dtype=x.dtype, device=x.device)
        unseen.masked_fill_(self._ids[:span] > position[:, None], float("-inf"))
        seen = unseen.repeat_interleave(width, 0)[:, None, None]
        text, bend = self.text_mask[:n], prior[:, None, None]
        alignments: list[Tensor] = []
        for index, (attention, to_text, feed_forward) in enumerate(self._layers):
            query, key, value = attention.project(x)
            keys, values = self.keys[index], self.values[index]
            keys[rows, :, :, position] = key.reshape(n, width, attention.heads, attention.d)
            values[rows, :, :, position] = value.reshape(n, width, attention.heads, attention.d)
            held = keys[:n].flatten(0, 1)[:, :, :span], values[:n].flatten(0, 1)[:, :, :span]
            x = x + attention.attend(query, *held, seen)
            with_text = x.view(n, width, -1)[:, :1]
            here = bend if index in self.with_prior else None
            y, attended = to_text.attend(with_text, self.text_keys[index, :n], self.text_values[index, :n], text, here)
            x = x.view(n, width, -1).clone()
            x[:, :1] += y
            x = x.view(n * width, 1, -1)
            if index in self.alignment_layers:
                alignments.append(attended.mean(1).squeeze(1))
            x = x + feed_forward(x)
        return self.norm_out(x.squeeze(1)), torch.stack(alignments).mean(0)

    def rows(self, n: int) -> Tensor:
        """Return the indices of the first n rows."""
        return self._rows[:n]

    def logits(self, decoded: Tensor) -> Tensor:
        """Return every codebook's logits (rows, codes * tokens) at a decoder output (rows, model width)."""
        output: Tensor = self._final(decoded)
        return output

    def move(self, source: int, target: int, position: int) -> None:
        """Copy a row that is at `position` to another place."""
        for cache in (self.keys, self.values):
            cache[:, target, :, :, :position] = cache[:, source, :, :, :position]
        for text in (self.text_keys, self.text_values):
            text[:, target] = text[:, source]
        self.text_mask[target] = self.text_mask[source]


def _or_all(layers: list[int] | None, every: range) -> list[int] | range:
    return every if layers is None else layers
