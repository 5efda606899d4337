"""Magpie TTS loaded as a server loads it, and what is refused before anything is read."""

from pathlib import Path
from typing import Any

import pytest
from nemo_files import STREAMING_RNNT, write_checkpoint

from benchmarks.dummies.files import magpie_files
from voiceagent.engines.nemo import memory
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from voiceagent.engines.nemo import magpie_checkpoint  # noqa: E402 (needs torch)

CPU = torch.device("cpu")


def load(model: object, codec: object, **how: Any) -> Any:
    settings = {"device": CPU, "dtype": torch.float32, "store": Store("/nonexistent")}
    return magpie_checkpoint.load_magpie(str(model), codec=str(codec), **(settings | how))


@pytest.fixture(scope="module", params=[1, 2], ids=["stacking1", "stacking2"])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("magpie")
    model, codec = magpie_files("tiny", stacking=request.param, folder=folder)
    # As with NVIDIA's, the model's own file names a codec that is somewhere else.
    return model, codec.rename(folder / "elsewhere.nemo")


def test_a_checkpoint_is_loaded_with_the_codec_that_was_told(files: tuple[Path, Path]) -> None:
    loaded = load(*files)
    assert not loaded.training
    assert loaded.num_baked_speakers == 5
    assert loaded._codec_model.sample_rate == 22_050


def test_the_codec_stays_float32_when_the_rest_does_not(files: tuple[Path, Path]) -> None:
    loaded = load(*files, dtype=torch.bfloat16)
    assert loaded.decoder.layers[0].norm_self.weight.dtype is torch.bfloat16
    assert {parameter.dtype for parameter in loaded._codec_model.parameters()} == {torch.float32}


def test_a_truncated_checkpoint_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    model, codec = files
    short = tmp_path / "short.nemo"
    short.write_bytes(model.read_bytes()[:100_000])
    with pytest.raises(VoiceAgentError, match="truncated or damaged"):
        load(short, codec)
    short.write_bytes(codec.read_bytes()[:100_000])
    with pytest.raises(VoiceAgentError, match="truncated or damaged"):
        load(model, short)


def test_another_architecture_is_refused_by_its_name(files: tuple[Path, Path], tmp_path: Path) -> None:
    model, codec = files
    other = write_checkpoint(tmp_path / "asr.nemo", STREAMING_RNNT)
    with pytest.raises(VoiceAgentError, match=r"holds EncDecRNNTBPEModel.*MagpieTTSModel"):
        load(other, codec)
    with pytest.raises(VoiceAgentError, match=r"holds MagpieTTSModel.*NanoCodec"):
        load(model, model)


def test_a_codec_with_weights_missing_is_refused(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    stored = torch.load

    def without_one(*arguments: Any, **named: Any) -> Any:
        weights = stored(*arguments, **named)
        return {name: value for name, value in weights.items() if "audio_decoder.post_conv" not in name}

    monkeypatch.setattr(torch, "load", without_one)
    with pytest.raises(VoiceAgentError, match=r"lacks .* of the codec's"):
        load(*files)


def test_too_little_memory_is_said_before_anything_is_read(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: 1_000_000)
    with pytest.raises(VoiceAgentError, match=r"GiB.*max_sessions"):
        load(*files)
