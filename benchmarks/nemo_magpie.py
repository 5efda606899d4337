"""NeMo's own Magpie TTS compared with ours: its loops with equal draws, so that equal arithmetic gives equal codes.

For benchmarks and tests; nothing here is fast.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray

from voiceagent.engines.nemo.runtime import quiet
from voiceagent.engines.tts.magpie.decode_loop import Chunk, Context, DecodeLoop, Row
from voiceagent.engines.tts.magpie.sampling import Sampling

Codes = NDArray[np.int64]


MOST_DRAWN = 500
"""Steps that draws are made for."""


def tokens(model: Any, text: str) -> tuple[int, ...]:
    """Return an English text as the model's tokens, with its end mark."""
    return (*model.tokenizer.encode(text=text, tokenizer_name="english_phoneme"), model.eos_id)


def draws(model: Any, seed: int) -> torch.Tensor:
    """Return the draws of an utterance with this seed: (steps, codes)."""
    codes = model.frame_stacking_factor * model.num_audio_codebooks
    return torch.rand(MOST_DRAWN, codes, generator=torch.Generator().manual_seed(seed))


@contextmanager
def same_draws(model: Any, seeds: Sequence[int]) -> Iterator[None]:
    """Let NeMo draw what rows with these seeds draw.

    In each step it draws for every codebook in the local transformer, for all rows (and, with guidance, once more for
    those without text), then as often to find the likeliest code, where there is nothing to choose.
    """
    drawn = [draws(model, seed) for seed in seeds]
    codes = model.frame_stacking_factor * model.num_audio_codebooks
    calls = 0

    def multinomial(probabilities: Any, count: int) -> Any:
        nonlocal calls
        step, number = divmod(calls, 2 * codes)
        calls += 1
        if number >= codes:
            return probabilities.argmax(-1, keepdim=True)
        uniform = torch.stack([table[step, number] for table in drawn]).to(probabilities.device)
        uniform = uniform.repeat(len(probabilities) // len(drawn))[:, None]
        best, order = probabilities.sort(descending=True, dim=-1)
        upto = best.cumsum(-1)
        index = (upto <= uniform * upto[:, -1:]).sum(-1, keepdim=True)
        return order.gather(1, index.clamp_max(order.shape[1] - 1))

    with patch.object(torch, "multinomial", multinomial):
        yield


def sampling(model: Any, *, greedy: bool, guidance: bool) -> Sampling:
    """Return how ours samples, and set NeMo up to do the same."""
    parameters = model.inference_parameters
    parameters.temperature, parameters.topk = (1e-4, 1) if greedy else (0.6, 80)
    return Sampling.of_model(model, guidance=guidance, temperature=0.0 if greedy else None)


def nemo_batch(
    model: Any, texts: Sequence[tuple[int, ...]], voices: Sequence[int], *, guidance: bool, cached: bool = True
) -> list[Codes]:
    """Run `infer_batch`, with NeMo's decoder cache on or off; return (frames, codebooks) of each."""
    longest = max(map(len, texts))
    device = model.final_proj.weight.device
    batch = {
        "text": torch.tensor([list(text) + [0] * (longest - len(text)) for text in texts], device=device),
        "text_lens": torch.tensor([len(text) for text in texts], device=device),
        "speaker_indices": list(voices),
    }
    model.use_kv_cache_for_inference = cached
    with quiet(), redirect_stdout(StringIO()):
        out = model.infer_batch(batch, use_cfg=guidance, use_local_transformer_for_inference=True)
    model.decoder.reset_cache(use_cache=False)
    return _unpacked(out)


def nemo_chunks(
    model: Any, texts: Sequence[tuple[int, ...]], voice: int, seeds: Sequence[int], *, guidance: bool, cached: bool
) -> list[Codes]:
    """Run `generate_speech` chunk by chunk; `cached` switches the decoder's cache on, which NeMo itself never does."""
    device = model.final_proj.weight.device
    state = model.create_chunk_state(batch_size=1)
    spoken = []
    for number, text in enumerate(texts):
        batch = {
            "text": torch.tensor([text], device=device),
            "text_lens": torch.tensor([len(text)], device=device),
            "speaker_indices": [voice],
        }
        model.decoder.reset_cache(use_cache=cached)
        with same_draws(model, [seeds[number]]):
            out = model.generate_speech(
                batch,
                chunk_state=state,
                end_of_text=[number == len(texts) - 1],
                beginning_of_text=number == 0,
                use_cfg=guidance,
                use_local_transformer_for_inference=True,
            )
        spoken += _unpacked(out)
    model.decoder.reset_cache(use_cache=False)
    return spoken


def _unpacked(out: Any) -> list[Codes]:
    lengths = out.predicted_codes_lens.tolist()
    return [codes[:, :length].T.cpu().numpy() for codes, length in zip(out.predicted_codes, lengths, strict=True)]


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


def ours(
    loop: DecodeLoop, model: Any, texts: Sequence[str], voices: Sequence[int], seeds: Sequence[int]
) -> list[Codes]:
    """Decode first chunks side by side with our loop; return (frames, codebooks) of each."""
    chunks = [Chunk(tokens(model, t), v, s) for t, v, s in zip(texts, voices, seeds, strict=True)]
    return finish(loop, [loop.begin(chunk, Context()) for chunk in chunks])
