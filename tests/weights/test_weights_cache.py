"""Files that the user's Hugging Face cache has already, put there by the hub's own library."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hub_server import COMMIT
from huggingface_hub import hf_hub_download
from weights_serving import CONTENT, PATH, hub_source, listed, pinned, wheel_source, write

from voiceagent.cli.main import cli
from voiceagent.weights import FileState, Store, WeightsError
from voiceagent.weights import store as store_module
from voiceagent.weights.pull import pull


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", listed(pinned(CONTENT, wheel_source(), hub_source())))


@pytest.fixture
def there(hub, store) -> Path:
    """The file in the cache; what is asked of the hub from here on is counted."""
    hub.files[PATH] = CONTENT
    path = Path(hf_hub_download("someone/model", "model.bin", revision=COMMIT))
    hub.heads.clear()
    hub.requests.clear()
    return path


def file_of(store: Store):
    model = store.manifest.model("tiny")
    return model, model.files[0]


def test_a_file_of_the_cache_is_used_in_place(store, there, hub):
    assert store.state(*file_of(store)) is FileState.UNVERIFIED
    assert store.locate(*file_of(store)) == there
    path = store.path("tiny", "model.bin")
    assert path == store.root / "tiny" / "model.bin"
    assert path.readlink() == there
    assert store.state(*file_of(store)) is FileState.VERIFIED
    assert (hub.heads, hub.requests) == ([], [])


def test_a_pull_fetches_nothing_that_the_cache_has_and_says_where_it_is(store, there, hub, notes):
    pull(store, ["tiny"], reporter=notes)
    assert notes.lines == [f"tiny/model.bin: here, in the Hugging Face cache: {there}"]
    assert store.path("tiny", "model.bin").readlink() == there
    pull(store, ["tiny"], reporter=notes)
    assert len(notes.lines) == 1
    assert (hub.heads, hub.requests) == ([], [])
    assert not store.downloads.exists()


def test_offline_the_cache_will_do(store, there, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    pull(store, ["tiny"])
    assert store.path("tiny", "model.bin").read_bytes() == CONTENT


def test_a_file_that_is_not_the_pinned_one_is_left_alone_and_the_pinned_one_fetched(store, there, hub, notes):
    there.write_bytes(b"X" + CONTENT[1:])
    with pytest.raises(WeightsError, match=f"{there} is damaged: its sha256 is"):
        store.path("tiny", "model.bin")
    pull(Store(store.root, listed(pinned(CONTENT))), ["tiny"], reporter=notes)
    assert f"tiny/model.bin: left alone: {there} is damaged" in notes.text
    assert there.read_bytes() == b"X" + CONTENT[1:]
    assert not store.path("tiny", "model.bin").is_symlink()
    assert store.path("tiny", "model.bin").read_bytes() == CONTENT


def test_a_linked_file_that_was_damaged_meanwhile_is_replaced_in_the_store_only(store, there, notes):
    store.path("tiny", "model.bin")
    there.write_bytes(b"short")
    pull(Store(store.root, listed(pinned(CONTENT))), ["tiny"], reporter=notes)
    assert "damaged and will be replaced" in notes.text
    assert there.read_bytes() == b"short"
    assert store.path("tiny", "model.bin").read_bytes() == CONTENT


def test_a_cache_that_was_cleaned_up_leaves_the_file_absent_until_it_is_there_again(store, there, hub, cache):
    store.path("tiny", "model.bin")
    shutil.rmtree(cache)
    assert store.state(*file_of(store)) is FileState.ABSENT
    with pytest.raises(WeightsError, match="is not here: run `voiceagent weights pull tiny`"):
        store.path("tiny", "model.bin")
    again = Path(hf_hub_download("someone/model", "model.bin", revision=COMMIT))
    assert store.path("tiny", "model.bin").readlink() == again


def test_the_store_s_own_file_comes_before_the_cache_s(store, there):
    own = write(store.root / "tiny" / "model.bin", CONTENT)
    assert store.path("tiny", "model.bin") == own
    assert not own.is_symlink()


def test_a_file_without_a_pinned_hash_is_used_as_it_is_there_and_stays_it(tmp_path, hub, cache):
    """A branch moves on when somebody downloads it again; what was pulled stays what it was."""
    hub.files[PATH.replace(COMMIT, "main")] = CONTENT
    there = Path(hf_hub_download("someone/model", "model.bin"))
    branch = hub_source().model_copy(update={"revision": "main"})
    store = Store(tmp_path / "store", listed(pinned(CONTENT, branch, hashed=False)))
    assert store.state(*file_of(store)) is FileState.UNPINNED
    pull(store, ["tiny"])
    (cache / "models--someone--model" / "refs" / "main").write_text("f" * 40)
    assert store.path("tiny", "model.bin").readlink() == there


def test_a_store_that_cannot_be_written_to_names_the_file_in_the_cache(store, there):
    write(store.root, b"a file where the folder would be")
    assert store.path("tiny", "model.bin") == there


def test_the_list_says_where_a_file_in_the_cache_lies(store, there, monkeypatch):
    monkeypatch.setattr(store_module, "load_manifest", lambda: store.manifest)

    def shown() -> str:
        return CliRunner().invoke(cli, ["weights", "list", "--dir", str(store.root)]).stdout

    assert "here, not verified" in shown()
    assert f"\ntiny/model.bin is used in place: {there}\n" in shown()
    store.path("tiny", "model.bin")
    assert "verified" in shown()
    assert f"\ntiny/model.bin is used in place: {there}\n" in shown()


def test_once_all_files_are_here_the_hub_s_library_is_not_loaded(store, there):
    store.path("tiny", "model.bin")
    script = f"""
import sys; from voiceagent.weights import Store, Manifest
store = Store({str(store.root)!r}, Manifest.model_validate_json({store.manifest.model_dump_json()!r}, strict=False))
store.path("tiny", "model.bin")
print({{"huggingface_hub", "httpx2"}} & set(sys.modules))
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
