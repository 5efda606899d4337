"""NeMo's own Magpie TTS as the oracle of ours: tiny models, NeMo's loops with its decoder's cache on, equal draws."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import cache
from io import StringIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from voiceagent.engines.nemo.runtime import quiet

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from voiceagent.engines.nemo.dummy_magpie import UNLIKELY, dummy_magpie  # noqa: E402 (needs torch)
from voiceagent.engines.tts.magpie.decode_loop import Chunk, Context, DecodeLoop, Row  # noqa: E402
from voiceagent.engines.tts.magpie.sampling import Sampling  # noqa: E402

Codes = NDArray[np.int64]
STEPS = 30
LONG = "the quick brown fox jumps over the lazy dog near the river bank."
PROBABLE = 6.0
"""An end-of-speech logit with which the dummy ends now and then; with `UNLIKELY` it never does."""


@cache
def model(stacking: int = 1) -> Any:
    return dummy_magpie("tiny", stacking=stacking)


def prepared(stacking: int, *, end: float = UNLIKELY, prior: bool = True, steps: int = STEPS) -> Any:
    """Return a shared tiny model, set up for one test."""
    tiny = model(stacking)
    parameters = tiny.inference_parameters
    parameters.max_decoder_steps = steps * stacking
    parameters.apply_attention_prior = prior
    parameters.ignore_finished_sentence_tracking = True
    for head in (tiny.final_proj, *tiny.local_transformer_out_projections):
        head.bias.data.view(-1, tiny.num_all_tokens_per_codebook)[:, tiny.audio_eos_id] = end
    return tiny


def tokens(tiny: Any, text: str) -> tuple[int, ...]:
    return (*tiny.tokenizer.encode(text=text, tokenizer_name="english_phoneme"), tiny.eos_id)


def draws(tiny: Any, seed: int, steps: int = 5 * STEPS) -> Any:
    """The draws of an utterance with this seed: (steps, codes)."""
    codes = tiny.frame_stacking_factor * tiny.num_audio_codebooks
    return torch.rand(steps, codes, generator=torch.Generator().manual_seed(seed))


@contextmanager
def same_draws(tiny: Any, seeds: Sequence[int]) -> Iterator[None]:
    """Let NeMo draw what rows with these seeds draw.

    In each step it draws for every codebook in the local transformer, for all rows (and, with guidance, once more for
    those without text), then as often to find the likeliest code, where there is nothing to choose.
    """
    drawn = [draws(tiny, seed) for seed in seeds]
    codes = tiny.frame_stacking_factor * tiny.num_audio_codebooks
    calls = 0

    def multinomial(probabilities: Any, count: int) -> Any:
        nonlocal calls
        step, number = divmod(calls, 2 * codes)
        calls += 1
        if number >= codes:
            return probabilities.argmax(-1, keepdim=True)
        uniform = torch.stack([table[step, number] for table in drawn])
        uniform = uniform.repeat(len(probabilities) // len(drawn))[:, None]
        best, order = probabilities.sort(descending=True, dim=-1)
        upto = best.cumsum(-1)
        index = (upto <= uniform * upto[:, -1:]).sum(-1, keepdim=True)
        return order.gather(1, index.clamp_max(order.shape[1] - 1))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "multinomial", multinomial)
        yield


def sampling(tiny: Any, *, greedy: bool, guidance: bool) -> Sampling:
    """Return how ours samples, and set NeMo up to do the same."""
    parameters = tiny.inference_parameters
    parameters.temperature, parameters.topk = (1e-4, 1) if greedy else (0.6, 80)
    return Sampling.of_model(tiny, guidance=guidance, temperature=0.0 if greedy else None)


def nemo_batch(tiny: Any, texts: Sequence[tuple[int, ...]], voices: Sequence[int], *, guidance: bool) -> list[Codes]:
    """Run `infer_batch` with NeMo's decoder cache on; return (frames, codebooks) of each."""
    longest = max(map(len, texts))
    batch = {
        "text": torch.tensor([list(text) + [0] * (longest - len(text)) for text in texts]),
        "text_lens": torch.tensor([len(text) for text in texts]),
        "speaker_indices": list(voices),
    }
    tiny.use_kv_cache_for_inference = True
    with quiet(), redirect_stdout(StringIO()):
        out = tiny.infer_batch(batch, use_cfg=guidance, use_local_transformer_for_inference=True)
    tiny.decoder.reset_cache(use_cache=False)
    return _unpacked(out)


def nemo_chunks(
    tiny: Any, texts: Sequence[tuple[int, ...]], voice: int, seeds: Sequence[int], *, guidance: bool, cached: bool
) -> list[Codes]:
    """Run `generate_speech` chunk by chunk; `cached` switches the decoder's cache on, which NeMo itself never does."""
    state = tiny.create_chunk_state(batch_size=1)
    spoken = []
    for number, text in enumerate(texts):
        batch = {
            "text": torch.tensor([text]),
            "text_lens": torch.tensor([len(text)]),
            "speaker_indices": [voice],
        }
        tiny.decoder.reset_cache(use_cache=cached)
        with same_draws(tiny, [seeds[number]]):
            out = tiny.generate_speech(
                batch,
                chunk_state=state,
                end_of_text=[number == len(texts) - 1],
                beginning_of_text=number == 0,
                use_cfg=guidance,
                use_local_transformer_for_inference=True,
            )
        spoken += _unpacked(out)
    tiny.decoder.reset_cache(use_cache=False)
    return spoken


def _unpacked(out: Any) -> list[Codes]:
    lengths = out.predicted_codes_lens.tolist()
    return [codes[:, :length].T.numpy() for codes, length in zip(out.predicted_codes, lengths, strict=True)]


def finish(loop: DecodeLoop, rows: Sequence[Row], heard: dict[int, list[Codes]] | None = None) -> list[Codes]:
    """Run rows to their ends, and return the frames of each, behind those in `heard`."""
    frames = {id(row): list((heard or {}).get(id(row), [])) for row in rows}
    live = list(rows)
    while live:
        for row, stepped in zip(list(live), loop.step(live), strict=True):
            assert stepped.finite
            frames[id(row)].append(stepped.frames)
            if stepped.ended:
                live.remove(row)
    return [np.concatenate(frames[id(row)]) for row in rows]


def ours(loop: DecodeLoop, tiny: Any, texts: Sequence[str], voices: Sequence[int], seeds: Sequence[int]) -> list[Codes]:
    """Decode first chunks side by side."""
    chunks = [Chunk(tokens(tiny, t), v, s) for t, v, s in zip(texts, voices, seeds, strict=True)]
    return finish(loop, [loop.begin(chunk, Context()) for chunk in chunks])
