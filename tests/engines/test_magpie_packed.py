"""Magpie with packed layers: in float32 it says what it says without, in bfloat16 and int8 nearly."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from tiny_magpie import LONG, set_up  # noqa: E402 (needs torch)

from benchmarks.nemo_magpie import ours, sampling, tokens  # noqa: E402
from voiceagent.engines.nemo.dummies.magpie import dummy_magpie  # noqa: E402
from voiceagent.engines.nemo.linears import Int8  # noqa: E402
from voiceagent.engines.nemo.magpie_checkpoint import pack_magpie  # noqa: E402
from voiceagent.engines.tts.magpie.decode_loop import Chunk, Context, DecodeLoop  # noqa: E402

TEXTS, VOICES, SEEDS = ("hello there", "no.", LONG), (3, 0, 2), (11, 12, 13)
stackings = pytest.mark.parametrize("stacking", [1, 2])


def loop_of(dtype: Any, stacking: int = 1, rows: int = 3) -> tuple[Any, DecodeLoop]:
    """Return a model of its own, packed unless `dtype` is None, and its loop."""
    tiny = set_up(dummy_magpie("tiny", stacking=stacking))
    if dtype == torch.bfloat16:
        for name, part in tiny.named_children():
            if name != "_codec_model":
                part.to(dtype)
    if dtype is not None:
        pack_magpie(tiny, dtype)
    return tiny, DecodeLoop(tiny, sampling(tiny, greedy=False, guidance=True), rows=rows)


@stackings
def test_packed_in_float32_it_says_the_same(stacking: int) -> None:
    plain, packed = (loop_of(dtype, stacking) for dtype in (None, torch.float32))
    codes = [ours(loop, tiny, TEXTS, VOICES, SEEDS) for tiny, loop in (plain, packed)]
    assert all(np.array_equal(a, b) for a, b in zip(*codes, strict=True))


@pytest.mark.parametrize(("dtype", "most_off"), [(torch.bfloat16, 0.05), (torch.int8, 0.1)], ids=["bfloat16", "int8"])
@torch.inference_mode()
def test_the_first_step_comes_near_that_of_float32(dtype: Any, most_off: float) -> None:
    logits = []
    for kind in (None, dtype):
        tiny, loop = loop_of(kind)
        loop.begin(Chunk(tokens(tiny, LONG), 1, 5), Context())
        frames = loop._table[loop._last_codes[:1] + loop._offsets].mean(1)
        prior = loop._alignment.prior[:1]
        decoded, _ = loop._decoder.step(
            frames, loop._position[:1], loop._alignment.length[:1], prior, loop._decoder.positions
        )
        logits.append(loop._decoder.logits(decoded).float())
    off = (logits[1] - logits[0]).norm() / logits[0].norm()
    assert 0 < off < most_off


def test_int8_packs_what_runs_at_every_step() -> None:
    tiny, _ = loop_of(torch.int8)
    heads = (tiny.final_proj, tiny.local_transformer_in_projection, *tiny.local_transformer_out_projections)
    layer = tiny.decoder.layers[0]
    layers = (
        layer.self_attention.qkv_net,
        layer.cross_attention.o_net,
        layer.pos_ff.proj.conv,
        layer.pos_ff.o_net.conv,
    )
    assert {type(part) for part in (*heads, *layers)} == {Int8}
    assert not any(isinstance(part, Int8) for part in tiny.encoder.modules())
