"""What a .nemo file is, told without NeMo and without reading its weights."""

import tarfile
from pathlib import Path

import pytest
from nemo_files import STREAMING_RNNT, write_checkpoint, write_nemo

from voiceagent.engines.nemo.archive import read_archive
from voiceagent.engines.nemo.checkpoint import require_streaming_rnnt
from voiceagent.errors import VoiceAgentError


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_checkpoint_says_what_it_is(tmp_path: Path, mode: str) -> None:
    archive = read_archive(write_checkpoint(tmp_path / "model.nemo", STREAMING_RNNT, bytes(12_345), mode))
    assert archive.kind == "EncDecRNNTBPEModel"
    assert archive.weights_bytes == 12_345
    assert archive.config == STREAMING_RNNT
    require_streaming_rnnt(archive)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_it_unpacks_into_a_folder(tmp_path: Path, mode: str) -> None:
    path = write_checkpoint(tmp_path / "model.nemo", STREAMING_RNNT, b"weights", mode)
    (tmp_path / "out").mkdir()
    read_archive(path).unpack(tmp_path / "out")
    assert (tmp_path / "out" / "model_weights.ckpt").read_bytes() == b"weights"


def test_nothing_is_written_outside_that_folder(tmp_path: Path) -> None:
    content = {"model_config.yaml": b"target: x", "model_weights.ckpt": b"", "../evil": b"x", "inside/deep": b"y"}
    path = write_nemo(tmp_path / "model.nemo", content)
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (tmp_path / "out").mkdir()
    read_archive(path).unpack(tmp_path / "out")
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "out" / "link").exists()
    assert (tmp_path / "out" / "inside" / "deep").read_bytes() == b"y"


def test_a_truncated_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "model.nemo", STREAMING_RNNT, bytes(1_000_000))
    path.write_bytes(path.read_bytes()[:500_000])
    with pytest.raises(VoiceAgentError, match=r"model.nemo is truncated or damaged .*500,000 bytes.*get it again"):
        read_archive(path)


def test_a_truncated_compressed_file_is_refused_when_it_is_unpacked(tmp_path: Path) -> None:
    noise = bytes(byte * 7919 % 251 for byte in range(300_000))
    path = write_checkpoint(tmp_path / "model.nemo", STREAMING_RNNT, noise, "w:gz")
    path.write_bytes(path.read_bytes()[:-200])
    archive = read_archive(path)
    (tmp_path / "out").mkdir()
    with pytest.raises(VoiceAgentError, match="truncated or damaged"):
        archive.unpack(tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a .nemo file"),
        (b"<!doctype html><p>please log in" * 40, "not a .nemo file"),
        (b"GGUF" + bytes(2000), "not a .nemo file"),
        (b"\x1f\x8b" + bytes(2000), "truncated or damaged"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "run `git lfs pull`"),
    ],
)
def test_other_files_are_told_from_checkpoints(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "model.nemo"
    path.write_bytes(content)
    with pytest.raises(VoiceAgentError, match=complaint):
        read_archive(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(VoiceAgentError, match=r"absent.nemo is not here"):
        read_archive(tmp_path / "absent.nemo")
    with pytest.raises(VoiceAgentError, match="is a folder"):
        read_archive(tmp_path)


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"readme.txt": b"hello"}, "without model_config.yaml"),
        ({"model_config.yaml": b"target: x"}, "without model_weights.ckpt"),
        ({"model_config.yaml": b"- a list", "model_weights.ckpt": b""}, "holds no settings"),
        ({"model_config.yaml": b"a: [", "model_weights.ckpt": b""}, "cannot be read"),
    ],
)
def test_an_archive_that_is_no_checkpoint_is_refused(tmp_path: Path, members: dict[str, bytes], complaint: str) -> None:
    with pytest.raises(VoiceAgentError, match=complaint):
        read_archive(write_nemo(tmp_path / "model.nemo", members))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"target": "nemo.collections.tts.models.MagpieTTSModel", "encoder": {}},
            "MagpieTTSModel .*encoder none",
        ),
        ({"decoder": {"_target_": "nemo.x.ConvASRDecoder"}}, "decoder ConvASRDecoder instead of RNNTDecoder"),
        (
            {"encoder": STREAMING_RNNT["encoder"] | {"att_context_style": "regular"}},
            "attention regular instead",
        ),
        ({"encoder": STREAMING_RNNT["encoder"] | {"conv_context_size": None}}, "convolutions None instead of causal"),
        ({"tokenizer": None}, "tokenizer none"),
        ({"encoder": None}, "encoder none instead of ConformerEncoder"),
    ],
)
def test_another_architecture_is_refused_by_name(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    archive = read_archive(write_checkpoint(tmp_path / "other.nemo", STREAMING_RNNT | change))
    with pytest.raises(VoiceAgentError, match=complaint + r".*Needed is a cache-aware streaming FastConformer"):
        require_streaming_rnnt(archive)
