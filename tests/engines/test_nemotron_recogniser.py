"""The batched step against NeMo's own streaming, slot by slot: same features, same tokens, same times."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from benchmarks.nemo_nemotron import features, hear, murmur, padded  # noqa: E402
from voiceagent.engines.asr.nemotron.features import LogMel  # noqa: E402
from voiceagent.engines.asr.nemotron.geometry import FRAME_SAMPLES, HOP, Geometry  # noqa: E402
from voiceagent.engines.asr.nemotron.recogniser import Recogniser  # noqa: E402
from voiceagent.engines.asr.nemotron.track import Track  # noqa: E402
from voiceagent.engines.nemo.linears import pack  # noqa: E402
from voiceagent.engines.nemo.precision import set_precision  # noqa: E402
from voiceagent.errors import VoiceAgentError  # noqa: E402

pytestmark = pytest.mark.nemo


@pytest.fixture(scope="module")
def model(nemotron_model: Any) -> Any:
    return nemotron_model


CONTEXTS = (0, 1, 6, 13)


class Listener:
    """One recording on its way through a slot."""

    def __init__(self, recogniser: Recogniser, slot: int, pcm: Any) -> None:
        self.slot, self.pcm = slot, pcm
        self.track = Track(slot, recogniser.geometry)
        self.track.push(pcm)
        self.left = self.track.chunks_to(len(pcm))
        self.heard: list[tuple[int, int]] = []
        recogniser.reset(slot)


def listen(recogniser: Recogniser, batch: list[Listener]) -> None:
    """Take some recordings one chunk further, together."""
    windows = np.stack([listener.track.next_window() for listener in batch])
    for listener, heard in zip(batch, recogniser.step([one.slot for one in batch], windows), strict=True):
        assert heard.finite
        listener.heard += [(token.id, token.at // FRAME_SAMPLES) for token in listener.track.advance(heard)]
        listener.left -= 1


def test_features_of_a_piece_are_those_of_the_whole(model: Any) -> None:
    pcm = murmur(3.7, seed=1)
    whole = features(model, padded(pcm, Geometry(70, 1)))[0].T
    log_mel = LogMel(model.preprocessor, torch.device("cpu"))
    for right_context in CONTEXTS:
        geometry = Geometry(70, right_context)
        track = Track(0, geometry)
        track.push(pcm)
        for chunk in range(len(pcm) // geometry.chunk_samples):
            mel = log_mel(torch.from_numpy(track.next_window())[None])[0]
            start = (geometry.window(chunk)[0] + 1 + 200) // HOP
            new = mel[max(0, -start) :]
            expected = whole[max(0, start) : max(0, start) + len(new)]
            got = new[: len(expected)]
            # Near the floor of the logarithm (-16.6) what a processor's FFT rounds shows: energies are compared there.
            quiet = expected < -15
            assert (got - expected)[~quiet].abs().max() < 1e-4
            assert ((got.exp() - expected.exp()) * quiet).abs().max() < 1e-10
            track.chunks += 1


@pytest.mark.parametrize("right_context", CONTEXTS)
@pytest.mark.parametrize("together", [1, 3, 8])
def test_tokens_and_times_are_nemos_while_streams_join_and_leave(model: Any, right_context: int, together: int) -> None:
    geometry = Geometry(70, right_context)
    recogniser = Recogniser(model, geometry, slots=8, buckets=[1, 2, 4, 8])
    recogniser.warm_up()
    random = np.random.default_rng(10 * right_context + together)
    waiting = [murmur(float(random.uniform(0.05, 4.0)), seed=int(random.integers(1 << 30))) for _ in range(20)]
    free, live, done = list(range(together)), [], []
    while waiting or live:
        while waiting and free and (not live or random.random() < 0.5):
            live.append(Listener(recogniser, free.pop(), waiting.pop()))
        batch = [one for one in live if random.random() < 0.8] or live
        listen(recogniser, [one for one in batch if one.left])
        for one in [one for one in live if not one.left]:
            live.remove(one)
            free.append(one.slot)
            done.append(one)
    assert len(done) == 20
    for one in done:
        expected = hear(model, padded(one.pcm, geometry), geometry)
        assert [id_ for id_, _ in one.heard] == expected.tokens
        assert [frame for _, frame in one.heard] == expected.frames
    assert sum(len(one.heard) for one in done) > 100, "a model that says nothing proves nothing"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("right_context", CONTEXTS)
def test_recorded_graphs_hear_what_nemo_hears_on_the_same_gpu(right_context: int) -> None:
    from voiceagent.engines.nemo.dummies.nemotron import dummy_asr

    set_precision(torch.device("cuda"), convolutions="ieee")  # ours are products, NeMo's are not
    model = dummy_asr("tiny").to("cuda")
    geometry = Geometry(70, right_context)
    recogniser = Recogniser(model, geometry, slots=4, buckets=[1, 2, 4])
    recogniser.warm_up()
    listeners = [Listener(recogniser, slot, murmur(1.0 + slot, seed=40 + slot)) for slot in range(4)]
    while live := [one for one in listeners if one.left]:
        listen(recogniser, live)
    for one in listeners:
        expected = hear(model, padded(one.pcm, geometry), geometry)
        assert [id_ for id_, _ in one.heard] == expected.tokens
        assert [frame for _, frame in one.heard] == expected.frames


def test_a_multilingual_model_hears_by_its_language_prompt() -> None:
    from voiceagent.engines.nemo.dummies.nemotron import dummy_asr

    model = dummy_asr("tiny", multilingual=True)
    geometry, pcm = Geometry(56, 1), murmur(6.0, seed=31)
    heard = []
    for language in ("en-US", "de-DE"):
        model.set_inference_prompt(language)
        recogniser = Recogniser(model, geometry, slots=1, buckets=[1])
        recogniser.warm_up()
        listener = Listener(recogniser, 0, pcm)
        while listener.left:
            listen(recogniser, [listener])
        assert [id_ for id_, _ in listener.heard] == hear(model, padded(pcm, geometry), geometry).tokens
        heard.append(listener.heard)
    assert heard[0]
    assert heard[0] != heard[1], "the language makes a difference"


def test_a_copy_leaves_the_original_as_it_was_bit_for_bit(model: Any) -> None:
    recogniser = Recogniser(model, Geometry(70, 1), slots=2, buckets=[1])
    recogniser.warm_up()
    original = Listener(recogniser, 0, murmur(3.0, seed=5))
    for _ in range(8):
        listen(recogniser, [original])
    before = recogniser.snapshot(0)
    recogniser.copy(0, 1)
    fork = original.track.fork(1, 16_000)
    for _ in range(5):
        recogniser.step([1], fork.next_window()[None])
        fork.chunks += 1
    assert all(torch.equal(a, b) for a, b in zip(before, recogniser.snapshot(0), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(before, recogniser.snapshot(1), strict=True))


def test_a_slot_used_before_hears_as_a_new_one(model: Any) -> None:
    recogniser = Recogniser(model, Geometry(70, 1), slots=1, buckets=[1])
    recogniser.warm_up()
    pcm = murmur(2.0, seed=6)
    heard = []
    for _ in range(2):
        listener = Listener(recogniser, 0, pcm)
        while listener.left:
            listen(recogniser, [listener])
        heard.append(listener.heard)
        garbage = Listener(recogniser, 0, murmur(1.0, seed=7))
        while garbage.left:
            listen(recogniser, [garbage])
    assert heard[0] == heard[1]


def test_a_row_that_breaks_down_says_so_and_harms_no_other(model: Any) -> None:
    recogniser = Recogniser(model, Geometry(70, 1), slots=2, buckets=[2])
    recogniser.warm_up()
    good = Listener(recogniser, 0, murmur(2.0, seed=8))
    recogniser.reset(1)
    while good.left:
        windows = np.stack([good.track.next_window(), np.full(recogniser.geometry.window_samples, np.nan, np.float32)])
        fine, broken = recogniser.step([0, 1], windows)
        assert fine.finite
        assert not broken.finite
        good.heard += [(token.id, token.at // FRAME_SAMPLES) for token in good.track.advance(fine)]
        good.left -= 1
    assert [id_ for id_, _ in good.heard] == hear(
        model, padded(good.pcm, recogniser.geometry), recogniser.geometry
    ).tokens


class Waits(TorchDispatchMode):
    """Notes every operation for which a GPU's host would wait, or whose shape depends on values."""

    NAMES = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "is_nonzero", "equal", "item")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        by_mask = name.startswith("index") and any(
            getattr(index, "dtype", None) is torch.bool
            for index in (args[1] if isinstance(args[1], list | tuple) else ())
        )
        if name in self.NAMES or by_mask:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


@torch.inference_mode()
def test_a_step_never_makes_the_host_wait(model: Any) -> None:
    recogniser = Recogniser(model, Geometry(70, 1), slots=2, buckets=[2])
    samples, slots = torch.randn(2, recogniser.geometry.window_samples), torch.tensor([0, 1])
    with Waits() as waits:
        at = recogniser.transducer.start(recogniser.encode(samples, slots))
        for _ in range(4):
            recogniser.transducer.round(at, slots)
    assert waits.found == []
    with Waits() as waits:
        recogniser.transducer.round(at, slots, skip=True)
    assert waits.found, "this test would see it"


def packed(dtype: Any) -> Any:
    """Return a model as `load_asr` makes it for a CPU."""
    from voiceagent.engines.nemo.dummies.nemotron import dummy_asr

    model = dummy_asr("tiny")
    model.encoder.to(torch.float32 if dtype == torch.int8 else dtype)
    pack(model.encoder, dtype, but=("linear_pos",))
    return model


def test_packed_weights_hear_exactly_or_nearly_the_same(model: Any) -> None:
    dtypes = {"plain": None, "float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}
    heard = {}
    for name, dtype in dtypes.items():
        recogniser = Recogniser(model if dtype is None else packed(dtype), Geometry(70, 1), slots=1, buckets=[1])
        recogniser.warm_up()
        listener = Listener(recogniser, 0, murmur(6.0, seed=33))
        while listener.left:
            listen(recogniser, [listener])
        heard[name] = listener.heard
    assert len(heard["plain"]) > 10
    assert heard["float32"] == heard["plain"]
    for name in ("bfloat16", "int8"):
        assert len(heard[name]) == pytest.approx(len(heard["plain"]), rel=0.3)


def test_in_int8_a_stream_hears_beside_a_loud_and_a_broken_one_what_it_hears_alone() -> None:
    recogniser = Recogniser(packed(torch.int8), Geometry(70, 1), slots=3, buckets=[1, 3])
    recogniser.warm_up()
    quiet, loud = murmur(4.0, seed=34), 30 * murmur(4.0, seed=35)
    alone = Listener(recogniser, 0, quiet)
    while alone.left:
        listen(recogniser, [alone])
    beside, other = Listener(recogniser, 1, quiet), Listener(recogniser, 2, loud)
    recogniser.reset(0)
    while beside.left:
        broken = np.full(recogniser.geometry.window_samples, np.nan, np.float32)
        windows = np.stack([broken, beside.track.next_window(), other.track.next_window()])
        step = recogniser.step([0, 1, 2], windows)
        assert [heard.finite for heard in step] == [False, True, True]
        for listener, heard in zip((beside, other), step[1:], strict=True):
            listener.heard += [(token.id, token.at // FRAME_SAMPLES) for token in listener.track.advance(heard)]
        beside.left -= 1
    assert len(alone.heard) > 5
    assert beside.heard == alone.heard


def test_a_look_ahead_the_model_was_not_trained_with_is_refused_with_those_it_was(model: Any) -> None:
    with pytest.raises(VoiceAgentError, match=r"right_context 3 .*one of 0, 1, 6, 13"):
        Recogniser(model, Geometry(70, 3), slots=1, buckets=[1])


def test_an_encoder_of_another_kind_is_refused(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.encoder, "att_context_style", "regular")
    with pytest.raises(VoiceAgentError, match="attention is not relative and chunked"):
        Recogniser(model, Geometry(70, 1), slots=1, buckets=[1])


def test_a_front_end_that_needs_the_whole_recording_is_refused(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.preprocessor.featurizer, "normalize", "per_feature")
    with pytest.raises(VoiceAgentError, match=r"cannot be computed piece by piece.*per_feature"):
        Recogniser(model, Geometry(70, 1), slots=1, buckets=[1])
