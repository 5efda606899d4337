"""Dummies as files: written once, named for what is in them, and the command that writes them."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.dummies.__main__ import main
from benchmarks.dummies.files import gguf_file
from voiceagent.engines.llm.llama.gguf_header import read_header


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of model files, without any: no embedded model whose tokenizer could be copied."""
    monkeypatch.setenv("VOICEAGENT_WEIGHTS_DIR", str(tmp_path))
    return tmp_path


def test_a_dummy_is_written_once(tmp_path: Path) -> None:
    folder = tmp_path / "dummies"
    path = gguf_file("plain", folder=folder)
    written = path.stat().st_mtime_ns
    assert gguf_file("plain", folder=folder) == path
    assert path.stat().st_mtime_ns == written
    assert [*folder.iterdir()] == [path]


def test_another_request_is_another_file(tmp_path: Path) -> None:
    first = gguf_file("plain", folder=tmp_path)
    others = (
        gguf_file("hybrid", folder=tmp_path),
        gguf_file("plain", weights="q8_0", folder=tmp_path),
        gguf_file("plain", tokenizer=first, folder=tmp_path),
        gguf_file("plain", seed=1, folder=tmp_path),
    )
    contents = {path.read_bytes() for path in (first, *others)}
    assert len(contents) == len({first, *others}) == 5


def test_a_dummy_that_was_interrupted_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gguf.GGUFWriter.write_tensor_data", interrupt)
    with pytest.raises(KeyboardInterrupt):
        gguf_file("plain", folder=tmp_path)
    assert [*tmp_path.iterdir()] == []


def interrupt(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_without_a_folder_they_lie_by_the_model_files(empty: Path) -> None:
    assert gguf_file("plain").parent == empty / ".dummies"


@pytest.mark.parametrize(("model", "architecture"), [("smollm2", "llama"), ("nemotron-nano", "nemotron_h_moe")])
def test_the_command_prints_the_path_of_what_it_writes(
    model: str, architecture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([model, "--tiny", "-o", str(tmp_path)]) == 0
    (path,) = map(Path, capsys.readouterr().out.splitlines())
    assert path.parent == tmp_path
    assert read_header(path)["general.architecture"] == architecture


def test_the_true_shape_has_the_format_that_is_asked_for(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for weights in ("q8_0", "q4_0"):
        assert main(["smollm2", "--weights", weights]) == 0
    eight, four = (Path(line) for line in capsys.readouterr().out.splitlines())
    assert read_header(eight)["llama.block_count"] == read_header(four)["llama.block_count"] == 30
    assert 1.8 < eight.stat().st_size / four.stat().st_size < 1.95


def test_what_cannot_be_written_is_said_in_a_sentence(
    empty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1_000_000}))
    assert main(["smollm2"]) == 1
    assert capsys.readouterr().err.startswith("Error: writing ")


def different(one: Any, other: Any) -> set[str]:
    """Return the parts of two models whose weights differ."""
    mine, theirs = dict(one.named_parameters()), dict(other.named_parameters())
    assert mine.keys() == theirs.keys()
    return {name.partition(".")[0] for name, weights in mine.items() if not weights.equal(theirs[name])}


@pytest.mark.nemo
class TestOfNemo:
    """They come through the product's one way of loading."""

    @pytest.fixture(autouse=True)
    def threads(self) -> None:
        pytest.importorskip("torch").set_num_threads(1)

    @pytest.mark.parametrize("options", [(), ("--multilingual",)], ids=["english", "multilingual"])
    def test_a_recogniser_is_loaded_by_its_path(
        self, options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        import torch

        from voiceagent.engines.nemo.checkpoint import load_asr
        from voiceagent.engines.nemo.dummies.nemotron import dummy_asr
        from voiceagent.weights import Store

        assert main(["nemotron", "--tiny", "-o", str(tmp_path), *options]) == 0
        (path,) = capsys.readouterr().out.splitlines()
        loaded = load_asr(path, store=Store(tmp_path), device=torch.device("cpu"), dtype=torch.float32)
        assert different(loaded, dummy_asr("tiny", multilingual=bool(options))) == set()

    @pytest.mark.parametrize("stacking", [1, 2])
    def test_a_voice_is_loaded_by_its_path_and_its_codecs(
        self, stacking: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        import torch

        from voiceagent.engines.nemo.dummies.magpie import dummy_magpie
        from voiceagent.engines.nemo.magpie_checkpoint import load_magpie
        from voiceagent.weights import Store

        assert main(["magpie", "--tiny", "--stacking", str(stacking), "-o", str(tmp_path)]) == 0
        model, codec = capsys.readouterr().out.splitlines()
        cpu = torch.device("cpu")
        loaded = load_magpie(model, codec=codec, store=Store(tmp_path), device=cpu, dtype=torch.float32)
        # NeMo does not save what listens to a voice's recording where the voices come with the model.
        assert different(loaded, dummy_magpie("tiny", stacking=stacking)) == {"context_encoder"}
        assert loaded.frame_stacking_factor == stacking
