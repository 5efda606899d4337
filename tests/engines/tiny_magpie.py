"""Tiny Magpie models for tests; `benchmarks/nemo_magpie.py` has NeMo's loops over them."""

from functools import cache
from typing import Any

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from voiceagent.engines.nemo.dummies.magpie import UNLIKELY, dummy_magpie  # noqa: E402 (needs torch)

STEPS = 30
LONG = "the quick brown fox jumps over the lazy dog near the river bank."
PROBABLE = 6.0
"""An end-of-speech logit with which the dummy ends now and then; with `UNLIKELY` it never does."""


@cache
def model(stacking: int = 1) -> Any:
    return dummy_magpie("tiny", stacking=stacking)


def prepared(stacking: int, *, end: float = UNLIKELY, prior: bool = True, steps: int = STEPS) -> Any:
    """Return a shared tiny model, set up for one test."""
    return set_up(model(stacking), end=end, prior=prior, steps=steps)


def set_up(tiny: Any, *, end: float = UNLIKELY, prior: bool = True, steps: int = STEPS) -> Any:
    """Let a model speak for that many steps at most, and end as likely as that."""
    stacking = tiny.frame_stacking_factor
    parameters = tiny.inference_parameters
    parameters.max_decoder_steps = steps * stacking
    parameters.apply_attention_prior = prior
    parameters.ignore_finished_sentence_tracking = True
    for head in (tiny.final_proj, *tiny.local_transformer_out_projections):
        head.bias.data.view(-1, tiny.num_all_tokens_per_codebook)[:, tiny.audio_eos_id] = end
    return tiny
