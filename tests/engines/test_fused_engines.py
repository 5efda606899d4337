"""With fused operations the engines compute what they compute without: as on a GPU, with the plain form of each."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from test_magpie_decode import SEEDS, TEXTS, VOICES, same  # noqa: E402 (needs torch)
from test_nemotron_recogniser import CONTEXTS, Listener, listen  # noqa: E402
from tiny_magpie import PROBABLE, model, prepared  # noqa: E402

from benchmarks.nemo_magpie import ours, sampling  # noqa: E402
from benchmarks.nemo_nemotron import murmur  # noqa: E402
from voiceagent.engines.asr.nemotron.geometry import Geometry  # noqa: E402
from voiceagent.engines.asr.nemotron.recogniser import Recogniser  # noqa: E402
from voiceagent.engines.nemo.fused import operation  # noqa: E402
from voiceagent.engines.tts.magpie.codec import StreamingCodec  # noqa: E402
from voiceagent.engines.tts.magpie.decode_loop import DecodeLoop  # noqa: E402

CODES = np.random.default_rng(1).integers(0, 2016, (2, 24, 8))


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "works", lambda device: True)


def decoded(codec: StreamingCodec) -> list[Any]:
    """Two streams in pieces of several sizes, at places that change."""
    pieces = [codec.decode([0, 2], [codes[:5] for codes in CODES])]
    pieces += [codec.decode([2, 0], [CODES[1, at : at + 1], CODES[0, at : at + 1]])[::-1] for at in range(5, 9)]
    pieces += [codec.decode([0, 2], [codes[9:] for codes in CODES])]
    return [np.concatenate([piece[row] for piece in pieces]) for row in (0, 1)]


@pytest.mark.usefixtures("fused")
def test_a_fused_codec_sounds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with_kernels = StreamingCodec(model(), 3)
    assert with_kernels._fused
    monkeypatch.undo()
    for one, other in zip(decoded(with_kernels), decoded(StreamingCodec(model(), 3)), strict=True):
        assert len(one) == 24 * 1_024
        assert np.abs(one - other).max() <= 1e-4


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("right_context", CONTEXTS)
def test_a_fused_recogniser_hears_the_same(
    nemotron_model: Any, right_context: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hear(recogniser: Recogniser) -> list[list[tuple[int, int]]]:
        recogniser.warm_up()
        listeners = [Listener(recogniser, slot, murmur(1.0 + slot, seed=40 + slot)) for slot in (2, 0, 1)]
        for turn in range(100):
            if live := [one for one in listeners if one.left and (turn + one.slot) % 3]:
                listen(recogniser, live)
        return [one.heard for one in listeners]

    geometry = Geometry(70, right_context)
    with_kernels = Recogniser(nemotron_model, geometry, slots=3, buckets=[1, 2, 4])
    assert with_kernels._encoder._fused
    assert with_kernels.transducer._fused
    heard = hear(with_kernels)
    monkeypatch.undo()
    assert heard == hear(Recogniser(nemotron_model, geometry, slots=3, buckets=[1, 2, 4]))
    assert sum(map(len, heard)) > 10, "a model that says nothing proves nothing"


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("stacking", [1, 2])
@pytest.mark.parametrize("guidance", [True, False], ids=["guided", "unguided"])
@pytest.mark.parametrize("greedy", [True, False], ids=["greedy", "drawn"])
def test_a_fused_voice_says_the_same(
    stacking: int, guidance: bool, greedy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = prepared(stacking, end=PROBABLE)
    how = sampling(tiny, greedy=greedy, guidance=guidance)
    with_kernels = DecodeLoop(tiny, how, rows=4)
    assert with_kernels._fused_local
    said = ours(with_kernels, tiny, TEXTS, VOICES, SEEDS)
    monkeypatch.undo()
    same(said, ours(DecodeLoop(tiny, how, rows=4), tiny, TEXTS, VOICES, SEEDS))
