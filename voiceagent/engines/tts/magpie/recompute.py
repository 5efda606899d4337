"""Magpie's decoder without a cache of its results: for comparison with NeMo's default, never for speed.

NeMo's default recomputes the whole past at every step, under the present prior. A cache cannot do that: it holds each
position as computed under the prior of its own step. Here every position's input is kept instead, so that a step costs
as much as all the steps before it.
"""

from typing import Any

import torch
from torch import Tensor

from voiceagent.engines.tts.magpie.decoder import Decoder


class RecomputingDecoder(Decoder):
    """A `Decoder` whose steps equal NeMo's without its cache."""

    def __init__(self, model: Any, *, rows: int, width: int, steps: int, text: int) -> None:
        super().__init__(model, rows=rows, width=width, steps=steps, text=text)
        table = self._position_table
        self._inputs = table.new_zeros(rows, width, self.positions, table.shape[1])
        self._inputs[:, :, : self.context] = table[: self.context]

    def read(self, row: int, voice: Tensor, encoded: Tensor, prior: Tensor | None) -> None:
        """Put a voice and an encoded text into a row, as `Decoder.read` does."""
        super().read(row, voice, encoded, prior)
        self._inputs[row, 0, : self.context] = voice + self._position_table[: self.context]

    def step(self, frames: Tensor, position: Tensor, length: Tensor, prior: Tensor, span: int) -> tuple[Tensor, Tensor]:
        """Compute the next position of the first n rows, and recompute all before it; see `Decoder.step`."""
        n, width = len(frames), self.width
        rows = self.rows(n)
        self._inputs[rows, :, position] = (frames + self._position_table[position])[:, None]
        x = self._inputs[:n, :, :span].flatten(0, 1)
        alignments: list[Tensor] = []
        for index, (attention, to_text, feed_forward) in enumerate(self._layers):
            x = x + attention.attend_causally(x)[0]
            x = x.view(n, width, span, -1).clone()
            here = prior[:, None, None] if index in self.with_prior else None
            keys, values = self.text_keys[index, :n], self.text_values[index, :n]
            y, attended = to_text.attend(x[:, 0], keys, values, self.text_mask[:n], here)
            x[:, 0] += y
            x = x.flatten(0, 1)
            if index in self.alignment_layers:
                alignments.append(attended[rows, :, position].mean(1))
            x = x + feed_forward(x)
        last = x.view(n, width, span, -1)[rows, :, position].flatten(0, 1)
        return self.norm_out(last), torch.stack(alignments).mean(0)

    def move(self, source: int, target: int, position: int) -> None:
        """Copy a row that is at `position` to another place."""
        super().move(source, target, position)
        self._inputs[target] = self._inputs[source]
