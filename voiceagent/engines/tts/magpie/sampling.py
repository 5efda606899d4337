"""Choosing a code from its logits: guidance, forbidden codes, temperature and top-k, and the draw itself.

A draw is a number in [0, 1) passed in, so that a row's choices depend only on its own seed, not on the rest of its
batch.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

SPECIAL_TOKENS = 8
"""NeMo adds this many after the codec's own codes; only end-of-speech among them may be chosen."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How codes are chosen: `guidance` None is no classifier-free guidance, `temperature` 0 takes the most likely."""

    temperature: float
    top_k: int
    guidance: float | None

    @classmethod
    def of_model(
        cls, model: Any, *, guidance: bool = True, temperature: float | None = None, top_k: int | None = None
    ) -> "Sampling":
        """Return the checkpoint's recommendations, or the values given instead."""
        recommended = model.inference_parameters
        return cls(
            recommended.temperature if temperature is None else temperature,
            recommended.topk if top_k is None else top_k,
            float(recommended.cfg_scale) if guidance else None,
        )

    @property
    def width(self) -> int:
        """Sequences computed per utterance: with guidance two, with and without the text."""
        return 1 if self.guidance is None else 2

    def guide(self, logits: Tensor) -> Tensor:
        """Return float32 logits (rows, tokens), combined from those of all sequences, (rows * width, tokens)."""
        if self.guidance is None:
            return logits.float()
        conditional, unconditional = logits.view(-1, 2, logits.shape[-1]).float().unbind(1)
        return self.guidance * conditional + (1.0 - self.guidance) * unconditional

    def draw(self, logits: Tensor, draws: Tensor) -> Tensor:
        """Return the codes (rows) chosen by `draws` (rows) among allowed logits (rows, tokens)."""
        if self.temperature <= 0:
            return logits.argmax(-1)
        best, codes = torch.topk(logits, min(self.top_k, logits.shape[-1]))
        upto = torch.softmax(best / self.temperature, -1).cumsum(-1)
        index = (upto <= draws[:, None] * upto[:, -1:]).sum(-1, keepdim=True)
        return codes.gather(1, index.clamp_max(codes.shape[1] - 1)).squeeze(1)


class Allowed:
    """Which codes may be chosen."""

    def __init__(self, codebook_size: int, tokens: int, end: int, device: torch.device) -> None:
        ids = torch.arange(tokens, device=device)
        self._special = (ids >= codebook_size) & (ids < codebook_size + SPECIAL_TOKENS) & (ids != end)
        self._end = ids == end

    def forbidden(self, no_end: Tensor, must_end: Tensor) -> Tensor:
        """Return which codes may not be chosen, (rows, tokens), the same for every choice of a step.

        Rows marked in `no_end` may not end; those in `must_end` can only end (unless they may not).
        """
        return self._special | torch.where(self._end, no_end[:, None], must_end[:, None])
