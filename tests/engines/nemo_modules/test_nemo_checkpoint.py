"""Recognisers loaded as a server loads them, and what is refused before anything is read."""

import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from nemo_files import STREAMING_RNNT, write_checkpoint, write_hollow

from voiceagent.engines.nemo import checkpoint
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from voiceagent.engines.nemo.dummies.nemotron import dummy_asr  # noqa: E402 (needs torch)

CPU = torch.device("cpu")


def load(model: str, **how: Any) -> Any:
    settings = {"device": CPU, "dtype": torch.float32, "store": Store("/nonexistent")}
    return checkpoint.load_asr(model, **(settings | how))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two tiny models, and the checkpoints made of them."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("checkpoints")
    models = {"english": dummy_asr("tiny"), "multilingual": dummy_asr("tiny", multilingual=True)}
    for name, model in models.items():
        model.save_to(str(folder / f"{name}.nemo"))
    return {name: (model, folder / f"{name}.nemo") for name, model in models.items()}


def same_weights(one: Any, other: Any) -> bool:
    mine, yours = one.state_dict(), other.state_dict()
    return mine.keys() == yours.keys() and all(torch.equal(mine[name], yours[name]) for name in mine)


@pytest.mark.parametrize("name", ["english", "multilingual"])
def test_a_checkpoint_comes_back_as_the_model_it_was(saved: dict[str, Any], name: str) -> None:
    model, path = saved[name]
    loaded = load(str(path))
    assert type(loaded) is type(model)
    assert not loaded.training
    assert same_weights(loaded, model)
    assert loaded.tokenizer.ids_to_text([5, 20, 100]) == model.tokenizer.ids_to_text([5, 20, 100])


def test_a_loaded_model_can_be_saved_again(saved: dict[str, Any], tmp_path: Path) -> None:
    loaded = load(str(saved["english"][1]))
    loaded.save_to(str(tmp_path / "again.nemo"))
    assert same_weights(load(str(tmp_path / "again.nemo")), loaded)


def test_the_working_directory_never_changes(saved: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str) -> None:
        raise AssertionError(folder)

    monkeypatch.setattr(os, "chdir", refuse)
    load(str(saved["english"][1]))


def test_two_threads_load_at_once(saved: dict[str, Any]) -> None:
    loaded: dict[str, Any] = {}
    names = ("english", "multilingual")
    threads = [
        threading.Thread(target=lambda name: loaded.update({name: load(str(saved[name][1]))}), args=(name,))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same_weights(loaded[name], saved[name][0]) for name in names)


def test_only_the_encoder_takes_the_lower_precision(saved: dict[str, Any]) -> None:
    loaded = load(str(saved["english"][1]), dtype=torch.bfloat16)
    assert {weight.dtype for weight in loaded.encoder.parameters()} == {torch.bfloat16}
    others = (loaded.decoder, loaded.joint)
    assert {weight.dtype for part in others for weight in part.parameters()} == {torch.float32}
    assert loaded.preprocessor.featurizer.window.dtype is torch.float32


def test_int8_packs_the_encoders_layers_and_nothing_else(saved: dict[str, Any]) -> None:
    loaded = load(str(saved["english"][1]), dtype=torch.int8)
    kinds = {name.rpartition(".")[2]: type(part).__name__ for name, part in loaded.encoder.named_modules()}
    assert {kinds[name] for name in ("linear_q", "linear_out", "linear1", "linear2", "pointwise_conv1")} == {"Int8"}
    assert (kinds["linear_pos"], kinds["depthwise_conv"]) == ("Linear", "CausalConv1D")
    assert same_weights(loaded.joint, saved["english"][0].joint)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_it_goes_to_the_gpu(saved: dict[str, Any]) -> None:
    loaded = load(str(saved["english"][1]), device=torch.device("cuda", 0), dtype=torch.bfloat16)
    assert {weight.device.type for weight in loaded.parameters()} == {"cuda"}


def test_the_phases_are_logged_with_their_seconds(saved: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "voiceagent"):
        load(str(saved["english"][1]))
    for phase in ("importing NeMo for english.nemo", "reading english.nemo", "moving english.nemo to cpu as float32"):
        assert f"{phase}\n" in caplog.text
        assert f"{phase}: done after " in caplog.text
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_a_multilingual_model_takes_a_language(saved: dict[str, Any]) -> None:
    path = str(saved["multilingual"][1])
    assert load(path)._inference_prompt_index == 101
    assert load(path, language="de-DE")._inference_prompt_index == 2
    with pytest.raises(VoiceAgentError, match="`language: tlh` is none of this model's: auto, de-DE, en-US, es-ES"):
        load(path, language="tlh")


def test_an_english_model_takes_no_other_language(saved: dict[str, Any]) -> None:
    path = str(saved["english"][1])
    load(path, language="en-US")
    with pytest.raises(VoiceAgentError, match="use a multilingual one"):
        load(path, language="de-DE")


def test_another_architecture_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "restore", None)
    path = write_checkpoint(tmp_path / "voice.nemo", {"target": "nemo.collections.tts.models.MagpieTTSModel"})
    with pytest.raises(VoiceAgentError, match=r"voice.nemo holds MagpieTTSModel .*Needed is a cache-aware"):
        load(str(path))


def test_too_little_memory_is_said_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "restore", None)
    monkeypatch.setattr("voiceagent.engines.nemo.memory.free_bytes", lambda device: 100 << 20)
    path = write_checkpoint(tmp_path / "big.nemo", STREAMING_RNNT)
    with pytest.raises(VoiceAgentError, match=r"needs .* GiB and 0.1 GiB are free in this machine's memory: free some"):
        load(str(path))


def test_the_gpus_memory_is_asked_for_what_it_will_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"cpu": 8 << 30, "cuda": 1 << 30}
    monkeypatch.setattr("voiceagent.engines.nemo.memory.free_bytes", lambda device: free[device.type])
    path = write_hollow(tmp_path / "large.nemo", STREAMING_RNNT, 618_080_000 * 4)
    with pytest.raises(VoiceAgentError, match=r"needs 1.6 GiB and 1.0 GiB are free in the GPU cuda:0"):
        load(str(path), device=torch.device("cuda", 0), dtype=torch.bfloat16)


def test_weights_that_are_none_are_refused(tmp_path: Path, saved: dict[str, Any]) -> None:
    from voiceagent.engines.nemo.archive import read_archive

    config = read_archive(saved["english"][1]).config
    broken = config | {"tokenizer": {"dir": "/nonexistent", "type": "bpe"}}
    with pytest.raises(VoiceAgentError, match=r"NeMo cannot build the EncDecRNNTBPEModel that .*broken.nemo describes"):
        load(str(write_checkpoint(tmp_path / "broken.nemo", broken)))


def test_weights_of_another_size_are_refused(tmp_path: Path, saved: dict[str, Any]) -> None:
    import tarfile

    path = tmp_path / "mixed.nemo"
    with tarfile.open(saved["english"][1]) as source, tarfile.open(path, "w") as target:
        for member in source:
            if not member.name.endswith("model_weights.ckpt"):
                target.addfile(member, source.extractfile(member))
        torch.save({"encoder.nothing": torch.zeros(3)}, tmp_path / "other.ckpt")
        target.add(tmp_path / "other.ckpt", "model_weights.ckpt")
    with pytest.raises(VoiceAgentError, match=r"mixed.nemo are damaged or do not match its configuration"):
        load(str(path))


def test_a_class_that_is_not_nemos_is_never_imported(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "odd.nemo", STREAMING_RNNT | {"target": "os.path.join"})
    with pytest.raises(VoiceAgentError, match="none of NeMo's models"):
        load(str(path))
