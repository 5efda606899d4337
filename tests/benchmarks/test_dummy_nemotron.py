"""Dummy recognisers: shaped like the real one, the same every time, and talkative enough for tests of parity."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from voiceagent.engines.nemo.runtime import quiet

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from voiceagent.engines.nemo.dummies.nemotron import LIVELY, _lively_directions, babble, dummy_asr  # noqa: E402 (needs torch)

CONTEXTS = (0, 1, 6, 13)


@pytest.fixture(scope="module", params=[False, True], ids=["english", "multilingual"])
def model(request: pytest.FixtureRequest) -> Any:
    torch.set_num_threads(1)
    return dummy_asr("tiny", multilingual=request.param)


@torch.no_grad()
def said(model: Any, right_context: int) -> tuple[list[list[int]], int]:
    """What the model hears in four utterances, and in how many frames."""
    model.encoder.set_default_att_context_size([model.encoder.att_context_size[0], right_context])
    audio = babble(6.0, 4, seed=99)
    features, lengths = model.preprocessor(input_signal=audio, length=torch.tensor([audio.shape[1]] * 4))
    encoded, lengths = model.encoder(audio_signal=features, length=lengths)
    if hasattr(model, "prompt_kernel"):
        encoded = model._apply_prompt_to_encoded(encoded)
    hypotheses = model.decoding.rnnt_decoder_predictions_tensor(encoded, lengths, return_hypotheses=True)
    return [hypothesis.y_sequence.tolist() for hypothesis in hypotheses], int(lengths.sum())


@pytest.mark.parametrize("right_context", CONTEXTS)
def test_it_says_about_as_much_as_people_do_and_not_the_same_for_ever(model: Any, right_context: int) -> None:
    utterances, frames = said(model, right_context)
    tokens = [token for utterance in utterances for token in utterance]
    repeated = sum(a == b for utterance in utterances for a, b in pairwise(utterance))
    assert 0.15 < len(tokens) / frames < 0.75
    assert all(len(utterance) > 5 for utterance in utterances)
    assert len(set(tokens)) > 15
    assert repeated < len(tokens) / 5


def test_what_is_said_is_words(model: Any) -> None:
    utterances, _ = said(model, 1)
    text = model.tokenizer.ids_to_text(utterances[0])
    assert text.replace(" ", "").isalpha()
    assert " " in text


def test_the_tiny_one_has_true_features_and_contexts(model: Any) -> None:
    multilingual = hasattr(model, "prompt_kernel")
    left = 56 if multilingual else 70
    assert model.encoder.att_context_size_all == [[left, right] for right in (13, 6, 1, 0)]
    assert (model.preprocessor.featurizer.nfilt, model.preprocessor._sample_rate) == (128, 16000)
    model.encoder.set_default_att_context_size([left, 1])
    model.encoder.setup_streaming_params()
    streaming = model.encoder.streaming_cfg
    assert (streaming.chunk_size, streaming.pre_encode_cache_size, streaming.drop_extra_pre_encoded) == (
        [9, 16],
        [0, 9],
        2,
    )
    assert model.encoder.subsampling_factor == 8
    assert model.num_prompts == 128 if multilingual else not hasattr(model, "num_prompts")


def test_seeds_decide_and_leave_other_random_numbers_alone() -> None:
    torch.manual_seed(5)
    untouched = torch.rand(3)
    torch.manual_seed(5)
    first, second, other = (dummy_asr("tiny", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), untouched)
    assert all(torch.equal(mine, first.state_dict()[name]) for name, mine in second.state_dict().items())
    assert not torch.equal(first.joint.enc.weight, other.joint.enc.weight)


def test_it_is_ready_for_use() -> None:
    model = dummy_asr("tiny", att_context=(70, 6))
    assert not model.training
    assert model.encoder.att_context_size == [70, 6]


def test_a_saved_one_is_restored_whole(model: Any, tmp_path: Path) -> None:
    from nemo.collections.asr.models import ASRModel

    model.save_to(str(tmp_path / "dummy.nemo"))
    with quiet():
        restored = ASRModel.restore_from(str(tmp_path / "dummy.nemo"), map_location="cpu").eval()
    assert type(restored) is type(model)
    assert all(torch.equal(mine, restored.state_dict()[name]) for name, mine in model.state_dict().items())
    if hasattr(model, "prompt_kernel"):
        restored.set_inference_prompt("auto")
    assert said(restored, 1) == said(model, 1)


def test_a_deep_encoders_joint_looks_at_what_changes_and_not_at_what_drifts() -> None:
    draw = torch.Generator().manual_seed(0)
    frames = torch.randn(4, 60, 80, generator=draw)
    drift = torch.linspace(-30, 30, 60)[:, None] * torch.randn(4, 1, 8, generator=draw)
    frames[..., :8] += drift  # eight directions that also stray far, and elsewhere in each utterance
    directions = _lively_directions(frames)
    assert directions.shape == (80, LIVELY)
    seen = (frames - frames.mean((0, 1))) @ directions
    assert torch.allclose(seen.flatten(0, 1).square().mean(0), torch.ones(LIVELY), atol=0.05)
    moved = (seen[:, 1:] - seen[:, :-1]).square().mean()
    assert moved > 1.5, "white noise moves by 2, pure drift by nearly nothing"
