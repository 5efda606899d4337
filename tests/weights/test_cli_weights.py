import subprocess
import sys

import pytest
from click.testing import CliRunner, Result
from weights_serving import CONTENT, listed, pinned, sha256, write

from voiceagent.cli.main import cli
from voiceagent.weights import Manifest
from voiceagent.weights import progress as progress_module
from voiceagent.weights import store as store_module


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty store of one small default model and one that is not default."""
    models = listed(pinned(CONTENT), pinned(CONTENT, name="b.bin")).models
    extra = listed(pinned(CONTENT, hashed=False), name="unpinned", default=False).models
    monkeypatch.setattr(store_module, "load_manifest", lambda: Manifest(models={**models, **extra}))
    monkeypatch.setenv("VOICEAGENT_WEIGHTS_DIR", str(tmp_path / "store"))
    return tmp_path / "store"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["weights", *map(str, arguments)])


def row(model: str) -> list[str]:
    line = next(line for line in run("list").stdout.splitlines() if line.startswith(model))
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_the_list_shows_each_model_and_its_state(root):
    assert row("tiny") == ["tiny *", "asr", "engine", "2.1 MB", "MIT", "absent"]
    assert row("unpinned") == ["unpinned", "asr", "engine", "~1.0 MB", "MIT", "absent"]
    write(root / "tiny" / "model.bin", CONTENT)
    assert row("tiny")[-1] == "incomplete (1 of 2 files)"
    write(root / "tiny" / "b.bin", CONTENT)
    write(root / "unpinned" / "model.bin", CONTENT)
    assert row("tiny")[-1] == "here, not verified"
    assert row("unpinned")[-1] == "here, no hash pinned"
    run("verify")
    assert row("tiny")[-1] == "verified"
    write(root / "tiny" / "b.bin", b"short")
    assert row("tiny")[-1] == "damaged"
    assert str(root) in run("list").stdout


def test_the_list_loads_no_model_library():
    code = (
        "import sys; from click.testing import CliRunner; from voiceagent.cli.weights import weights;"
        "assert CliRunner().invoke(weights, ['list']).exit_code == 0;"
        "print({'numpy', 'onnxruntime', 'llama_cpp', 'torch'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


def test_pull_brings_the_default_models(root, tmp_path):
    write(tmp_path / "given" / "model.bin", CONTENT)
    write(tmp_path / "given" / "b.bin", CONTENT)
    done = run("pull", "--from", tmp_path / "given")
    assert done.exit_code == 0
    assert done.stdout == f"tiny: all files are in {root}\n"
    assert done.stderr.splitlines() == [
        "copying tiny/model.bin (1.0 MB)",
        "tiny/model.bin: here, verified",
        "copying tiny/b.bin (1.0 MB)",
        "tiny/b.bin: here, verified",
    ]
    assert row("unpinned")[-1] == "absent"


def test_pull_brings_what_is_named_to_the_folder_that_is_named(root, tmp_path):
    write(tmp_path / "given" / "model.bin", CONTENT)
    done = run("pull", "unpinned", "--from", tmp_path / "given", "--dir", tmp_path / "mine")
    assert done.exit_code == 0
    assert (tmp_path / "mine" / "unpinned" / "model.bin").read_bytes() == CONTENT
    assert not root.exists()


def test_a_pull_that_fails_says_why_and_ends_with_1(root, tmp_path):
    failed = run("pull", "--from", tmp_path / "absent")
    assert failed.exit_code == 1
    assert failed.stderr == f"Error: {tmp_path / 'absent'} is not a folder\n"


@pytest.mark.parametrize("command", ["pull", "verify"])
def test_an_unknown_model_ends_with_2_and_a_hint(root, command):
    refused = run(command, "tinny")
    assert refused.exit_code == 2
    assert "there is no model 'tinny': did you mean 'tiny'?" in refused.stderr


def test_verify_reads_all_that_is_here(root):
    assert run("verify").exit_code == 1
    write(root / "tiny" / "model.bin", CONTENT)
    write(root / "tiny" / "b.bin", b"X" + CONTENT[1:])
    found = run("verify")
    assert found.exit_code == 1
    first, second = found.stdout.splitlines()
    assert first == "tiny/model.bin: verified"
    assert f"damaged: its sha256 is {sha256(b'X' + CONTENT[1:])}" in second
    (root / "tiny" / "b.bin").unlink()
    assert "tiny/b.bin: is not here: run `voiceagent weights pull tiny`" in run("verify").stdout
    write(root / "tiny" / "b.bin", CONTENT)
    assert run("verify").exit_code == 0


def test_verify_shows_the_hash_of_a_file_that_has_none_pinned(root):
    write(root / "unpinned" / "model.bin", CONTENT)
    found = run("verify", "unpinned")
    assert found.exit_code == 0
    assert found.stdout == f"unpinned/model.bin: no hash is pinned for it; its sha256 is {sha256(CONTENT)}\n"


def test_hashing_a_large_file_is_shown(root, monkeypatch):
    write(root / "unpinned" / "model.bin", CONTENT)
    monkeypatch.setattr(progress_module, "SLOW_CHECK_BYTES", 10)
    assert run("verify", "unpinned").stderr == "checking unpinned/model.bin (1.0 MB)\n"


def test_an_empty_store_says_what_to_do(root):
    assert run("verify").stderr == f"Error: {root} holds no model: run `voiceagent weights pull`\n"
