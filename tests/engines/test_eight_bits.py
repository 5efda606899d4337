"""Weights of 8 bits, as a GPU has them: near the others' results, and the same with fused kernels and without."""

from copy import deepcopy
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from test_nemotron_recogniser import Listener, listen  # noqa: E402 (needs torch)
from tiny_magpie import LONG, prepared  # noqa: E402

from benchmarks.nemo_magpie import ours, sampling, tokens  # noqa: E402
from benchmarks.nemo_nemotron import murmur  # noqa: E402
from voiceagent.engines.asr.nemotron.geometry import Geometry  # noqa: E402
from voiceagent.engines.asr.nemotron.recogniser import Recogniser  # noqa: E402
from voiceagent.engines.nemo.fused import operation  # noqa: E402
from voiceagent.engines.nemo.fused.eight_bits import LARGEST, EightBits, to_eight_bits, weights_of  # noqa: E402
from voiceagent.engines.tts.magpie.decode_loop import Chunk, Context, DecodeLoop  # noqa: E402


def fuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "works", lambda device: True)


TYPES = pytest.mark.parametrize("dtype", LARGEST, ids=str)


def narrowed(part: Any) -> int:
    return sum(isinstance(module, EightBits) for module in part.modules())


def off_by(weight: Any, dtype: Any) -> float:
    """Return how far a layer of 8 bits is from the one with these weights, relative."""
    x = torch.randn(50, weight.shape[1])
    exact = x @ weight.T
    return float((EightBits(weight, None, dtype)(x) - exact).norm() / exact.norm())


@pytest.mark.parametrize(("dtype", "most"), [(torch.int8, 0.01), (torch.float8_e4m3fn, 0.03)])
@pytest.mark.parametrize(("inputs", "outputs"), [(64, 256), (768, 96)])
def test_a_layer_is_little_off_and_takes_a_quarter(inputs: int, outputs: int, dtype: Any, most: float) -> None:
    torch.manual_seed(inputs)
    layer = torch.nn.Linear(inputs, outputs)
    x = torch.randn(50, inputs)
    narrow = EightBits(layer.weight, layer.bias, dtype)
    off = (narrow(x) - layer(x)).norm() / layer(x).norm()
    assert 0.001 < off < most
    weights = weights_of(narrow)
    assert weights.weight.nbytes * 4 == layer.weight.nbytes
    assert weights.scales is not None
    assert weights.scales.dtype == torch.float32


def test_which_type_is_more_exact_depends_on_the_weights() -> None:
    torch.manual_seed(0)
    even = torch.randn(96, 512)
    with_outliers = torch.where(torch.rand(96, 512) < 0.004, 100 * even, even)
    with_outliers /= with_outliers.norm(dim=1, keepdim=True)
    assert off_by(even, torch.int8) < off_by(even, torch.float8_e4m3fn) / 2
    assert off_by(with_outliers, torch.float8_e4m3fn) < off_by(with_outliers, torch.int8)


@TYPES
@pytest.mark.parametrize("flushing", [False, True], ids=["tiny numbers", "tiny numbers are zero"])
def test_outputs_whose_weights_are_zero_or_tiny_are_numbers(*, flushing: bool, dtype: Any) -> None:
    """A library compiled for speed may have the whole process take numbers below 1e-38 for zero."""
    rows = torch.tensor([0.0, 1e-37, 1.0])[:, None] * torch.tensor([1.0, -0.5, 0.25])
    torch.set_flush_denormal(flushing)
    try:
        narrow = EightBits(rows, None, dtype)
        made, scales = narrow(torch.eye(3)).T, narrow.scales.tolist()
    finally:
        torch.set_flush_denormal(False)
    assert torch.allclose(made, rows, rtol=0, atol=0.005)
    assert not narrow.weight[0].float().any()
    assert all(scale > 0 for scale in scales)


def copied(model: Any) -> Any:
    """Copy a model without the wrapper that NeMo puts around `training_step`: it cannot be copied."""
    wrappers = [(part, part.__dict__.pop("training_step")) for part in model.modules() if "training_step" in vars(part)]
    try:
        return deepcopy(model)
    finally:
        for part, wrapper in wrappers:
            part.__dict__["training_step"] = wrapper


@TYPES
def test_a_recogniser_of_eight_bits_hears_the_same_with_fused_kernels(
    dtype: Any, nemotron_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, geometry = copied(nemotron_model), Geometry(70, 1)
    to_eight_bits(model.encoder.layers, dtype, but=("linear_pos",))
    assert narrowed(model.encoder) == 10 * len(model.encoder.layers)

    def hear(of: Any) -> list[tuple[int, int]]:
        recogniser = Recogniser(of, geometry, slots=1, buckets=[1])
        recogniser.warm_up()
        listener = Listener(recogniser, 0, murmur(3.0, seed=41))
        while listener.left:
            listen(recogniser, [listener])
        return listener.heard

    plain = hear(model)
    fuse(monkeypatch)
    assert hear(model) == plain
    assert len(plain) > 5
    exact = {token for token, _ in hear(nemotron_model)}
    assert len(exact & {token for token, _ in plain}) > len(exact) / 2, "nearly what it hears in full"


@pytest.mark.parametrize(("stacking", "dtype"), [(1, torch.int8), (2, torch.int8), (2, torch.float8_e4m3fn)], ids=str)
def test_a_voice_of_eight_bits_says_the_same_with_fused_kernels(
    stacking: int, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = prepared(stacking)
    tiny = copied(exact)
    for part in (tiny.decoder, tiny.local_transformer, tiny.local_transformer_out_projections):
        to_eight_bits(part, dtype)
        assert narrowed(part)
    how = sampling(tiny, greedy=False, guidance=True)

    @torch.inference_mode()
    def first(model: Any) -> Any:
        loop = DecodeLoop(model, how, 1)
        loop.begin(Chunk(tokens(model, LONG), 1, 5), Context())
        frames = loop._table[loop._last_codes[:1] + loop._offsets].mean(1)
        length, prior = loop._alignment.length[:1], loop._alignment.prior[:1]
        decoded, _ = loop._decoder.step(frames, loop._position[:1], length, prior, loop._decoder.positions)
        return loop._decoder.logits(decoded)

    off = (first(tiny) - first(exact)).norm() / first(exact).norm()
    assert 0 < off < (0.05 if dtype == torch.int8 else 0.15)
    plain = ours(DecodeLoop(tiny, how, rows=2), tiny, ("hello there", LONG), (3, 0), (11, 12))
    fuse(monkeypatch)
    fused = ours(DecodeLoop(tiny, how, rows=2), tiny, ("hello there", LONG), (3, 0), (11, 12))
    assert [codes.tolist() for codes in fused] == [codes.tolist() for codes in plain]
