import os
from pathlib import Path

import pytest
from weights_serving import CONTENT, listed, pinned, sha256, write

from voiceagent.weights import FileState, Store, WeightsError, default_root
from voiceagent.weights import store as module


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, listed(pinned(CONTENT)))


def file_of(store: Store):
    model = store.manifest.model("tiny")
    return model, model.files[0]


def test_a_file_that_is_there_and_right_is_handed_out(store, tmp_path):
    write(tmp_path / "tiny" / "model.bin", CONTENT)
    assert store.state(*file_of(store)) is FileState.UNVERIFIED
    assert store.path("tiny", "model.bin") == tmp_path / "tiny" / "model.bin"
    assert store.state(*file_of(store)) is FileState.VERIFIED


def test_an_absent_file_names_the_command_that_brings_it(store):
    with pytest.raises(WeightsError, match=r"model.bin is not here: run `voiceagent weights pull tiny`.*--from DIR"):
        store.path("tiny", "model.bin")


@pytest.mark.parametrize("content", [CONTENT[:-1], b"", CONTENT + b"x"])
def test_a_file_of_the_wrong_size_is_refused(store, tmp_path, content):
    write(tmp_path / "tiny" / "model.bin", content)
    assert store.state(*file_of(store)) is FileState.WRONG_SIZE
    with pytest.raises(
        WeightsError, match=r"damaged: it has [\d,]+ bytes, not 1,048,576. Run `voiceagent weights pull"
    ):
        store.path("tiny", "model.bin")


def test_a_corrupt_file_of_the_right_size_is_refused(store, tmp_path):
    write(tmp_path / "tiny" / "model.bin", b"X" + CONTENT[1:])
    with pytest.raises(WeightsError, match="damaged: its sha256 is "):
        store.path("tiny", "model.bin")


def test_a_verified_file_is_not_read_again(store, tmp_path, monkeypatch):
    write(tmp_path / "tiny" / "model.bin", CONTENT)
    store.path("tiny", "model.bin")
    monkeypatch.setattr(module, "check", lambda *args: pytest.fail("it was read again"))
    assert store.path("tiny", "model.bin").is_file()


def test_a_file_changed_after_it_was_verified_is_read_again(store, tmp_path):
    path = write(tmp_path / "tiny" / "model.bin", CONTENT)
    store.path("tiny", "model.bin")
    path.write_bytes(b"X" + CONTENT[1:])
    os.utime(path, ns=(1, 1))
    assert store.state(*file_of(store)) is FileState.UNVERIFIED
    with pytest.raises(WeightsError, match="damaged"):
        store.path("tiny", "model.bin")


def test_verifying_reads_the_file_even_when_it_was_verified_before_and_forgets_that_when_it_fails(store, tmp_path):
    path = write(tmp_path / "tiny" / "model.bin", CONTENT)
    store.path("tiny", "model.bin")
    times = path.stat()
    path.write_bytes(b"X" + CONTENT[1:])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # bits that rotted change no times
    assert store.state(*file_of(store)) is FileState.VERIFIED
    with pytest.raises(WeightsError, match="damaged"):
        store.verify(*file_of(store))
    assert store.state(*file_of(store)) is FileState.UNVERIFIED


def test_a_store_that_cannot_keep_stamps_still_works(store, tmp_path):
    write(tmp_path / "tiny" / "model.bin", CONTENT)
    (tmp_path / "tiny" / ".model.bin.verified").mkdir()
    assert store.path("tiny", "model.bin").is_file()
    assert store.state(*file_of(store)) is FileState.UNVERIFIED


def test_a_file_without_a_pinned_hash_only_has_to_hold_something(tmp_path):
    store = Store(tmp_path, listed(pinned(CONTENT, hashed=False)))
    path = write(tmp_path / "tiny" / "model.bin", CONTENT)
    assert store.state(*file_of(store)) is FileState.UNPINNED
    assert store.path("tiny", "model.bin") == path
    assert store.verify(*file_of(store)) == sha256(CONTENT)
    path.write_bytes(b"")
    with pytest.raises(WeightsError, match="it has 0 bytes"):
        store.path("tiny", "model.bin")


def test_a_file_that_cannot_be_read_is_an_error_for_people(store, tmp_path, monkeypatch):
    write(tmp_path / "tiny" / "model.bin", CONTENT)

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(WeightsError, match=r"cannot be read .Permission denied"):
        store.path("tiny", "model.bin")


def test_installing_moves_a_right_file_and_deletes_a_wrong_one(store, tmp_path):
    with pytest.raises(WeightsError, match=r"wrong file .it has 3 bytes, not 1,048,576., which was deleted"):
        store.install(*file_of(store), write(tmp_path / "temporary", b"bad"))
    assert list(tmp_path.iterdir()) == []
    store.install(*file_of(store), write(tmp_path / "temporary", CONTENT))
    assert store.state(*file_of(store)) is FileState.VERIFIED
    assert not (tmp_path / "temporary").exists()


def test_the_folder_is_the_variable_s_then_the_checkout_s_then_the_user_s_cache(tmp_path, monkeypatch):
    assert default_root() == module.REPOSITORY / "weights"
    monkeypatch.setattr(module, "REPOSITORY", tmp_path / "site-packages")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(module.sys, "platform", "linux")
    assert default_root() == tmp_path / ".cache" / "voiceagent" / "weights"
    monkeypatch.setattr(module.sys, "platform", "darwin")
    assert default_root() == tmp_path / "Library" / "Caches" / "voiceagent" / "weights"
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert default_root() == Path("/caches/voiceagent/weights")
    monkeypatch.setenv("VOICEAGENT_WEIGHTS_DIR", "/data/weights")
    assert Store().root == Path("/data/weights")
    assert Store("/mine").root == Path("/mine")
