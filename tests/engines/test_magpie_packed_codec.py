"""The codec for a CPU: in float32 it makes NeMo's sound, in bfloat16 nearly, whatever the pieces and the company."""

from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from tiny_magpie import model  # noqa: E402 (needs torch)

from voiceagent.engines.nemo.dummies.magpie import dummy_magpie  # noqa: E402
from voiceagent.engines.nemo.magpie_checkpoint import pack_magpie  # noqa: E402
from voiceagent.engines.tts.magpie.codec import StreamingCodec  # noqa: E402
from voiceagent.engines.tts.magpie.packed_codec import PackedCodec, codec_for  # noqa: E402

FRAMES = 24
CODES = np.random.default_rng(1).integers(0, 2016, (2, FRAMES, 8))
MOST_OFF = {torch.float32: 1e-4, torch.bfloat16: 0.02}


@pytest.fixture(scope="module", params=[torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def codec(request: pytest.FixtureRequest) -> tuple[PackedCodec, float]:
    """A codec, and by how much of the sound's level its sound may differ from NeMo's."""
    return PackedCodec(model(), 3, request.param), MOST_OFF[request.param]


def whole(codes: NDArray[np.int64]) -> NDArray[np.float32]:
    """NeMo's decoding of (frames, codebooks) at once."""
    with torch.inference_mode():
        audio, _ = model()._codec_model.decode(
            tokens=torch.from_numpy(codes.T[None]), tokens_len=torch.tensor([len(codes)])
        )
    pcm: NDArray[np.float32] = audio[0].numpy()
    return pcm


def off(heard: list[Any], expected: NDArray[np.float32]) -> float:
    """Return the error's level relative to the sound's."""
    error = np.concatenate(heard) - expected[: sum(map(len, heard))]
    return float(np.linalg.norm(error) / np.linalg.norm(expected))


@settings(max_examples=10)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=FRAMES))
def test_pieces_of_any_size_make_the_whole(codec: tuple[PackedCodec, float], sizes: list[int]) -> None:
    packed, most = codec
    packed.forget(1)
    ends = [0, *(end for end in accumulate(sizes) if end < FRAMES), FRAMES]
    pieces = [packed.decode([1], [CODES[0, start:end]])[0] for start, end in pairwise(ends)]
    assert [len(piece) for piece in pieces] == [(end - start) * 1_024 for start, end in pairwise(ends)]
    assert off(pieces, whole(CODES[0])) < most


def test_streams_in_one_batch_do_not_hear_each_other(codec: tuple[PackedCodec, float]) -> None:
    packed, most = codec
    packed.forget(2)
    packed.forget(0)
    alone = packed.decode([2], [CODES[1, :4]])[0]
    both = [packed.decode([2, 0], [CODES[1, 4 + at : 8 + at], CODES[0, at : at + 4]]) for at in (0, 4)]
    assert off([alone, both[0][0], both[1][0]], whole(CODES[1])[: 12 * 1_024]) < most
    assert off([both[0][1], both[1][1]], whole(CODES[0])[: 8 * 1_024]) < most


def test_a_place_that_was_reset_has_heard_nothing(codec: tuple[PackedCodec, float]) -> None:
    packed, _ = codec
    packed.forget(0)
    first = packed.decode([0], [CODES[0, :3]])[0]
    packed.decode([0], [CODES[1, :5]])
    packed.forget(0)
    assert np.array_equal(packed.decode([0], [CODES[0, :3]])[0], first)


@torch.inference_mode()
def test_snakes_of_every_kind_are_nemos() -> None:
    """A trained snake has other alphas than the 1 that it begins with, also near zero and below."""
    tiny = dummy_magpie("tiny")
    for name, parameter in tiny._codec_model.audio_decoder.named_parameters():
        if name.endswith("alpha"):
            parameter.copy_(torch.linspace(-0.3, 2.0, parameter.numel()).view_as(parameter))
    plain, packed = StreamingCodec(tiny, 1), PackedCodec(tiny, 1)
    expected = plain.decode([0], [CODES[0]])[0]
    assert off([packed.decode([0], [CODES[0]])[0]], expected) < 1e-4


def test_the_codec_is_as_exact_as_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    dtypes = {}
    for dtype in (None, torch.float32, torch.int8):
        tiny = dummy_magpie("tiny")
        if dtype is not None:
            pack_magpie(tiny, dtype)
        codec = codec_for(tiny, 1)
        assert isinstance(codec, PackedCodec)
        dtypes[dtype] = codec.dtype
    assert dtypes == {None: torch.float32, torch.float32: torch.float32, torch.int8: torch.bfloat16}
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    slow = codec_for(tiny, 1)
    assert isinstance(slow, PackedCodec)
    assert slow.dtype == torch.float32, "without tiles short pieces are slow in bfloat16"


def test_a_codec_with_other_activations_is_left_as_it_is() -> None:
    tiny = dummy_magpie("tiny")
    tiny._codec_model.audio_decoder.post_activation.activation = torch.nn.ELU()
    assert type(codec_for(tiny, 1)) is StreamingCodec
