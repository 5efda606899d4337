"""Which file `model` means. The hub is a small server on this machine."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubServer, be_the_hub
from huggingface_hub import close_session, constants, hf_hub_download

from voiceagent.engines.nemo.source import find_checkpoint
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Manifest, Model, ModelFile, Store
from voiceagent.weights.manifest import HubSource

CONTENT = bytes(range(256)) * 9000
REVISION = "0123456789abcdef0123456789abcdef01234567"


def pinned(name: str, file: str) -> Model:
    source = HubSource(repo="nobody/nothing", revision="0" * 40, path=file)
    entry = ModelFile(name=file, size=len(CONTENT), sha256=None, sources=(source,))
    return Model(name=name, role="asr", engine="nemo", licence="MIT", files=(entry,))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "huggingface"))
    models = [pinned("a-recogniser", "a-recogniser.nemo"), pinned("a-reader", "a-reader.gguf")]
    return Store(tmp_path / "weights", Manifest(models={model.name: model for model in models}))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub that has `someone/known` at three revisions."""
    server = HubServer()
    server.files = {f"/someone/known/resolve/{name}/known.nemo": CONTENT for name in (REVISION, "v1", "v2")}
    be_the_hub(server.url, monkeypatch)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    yield server
    close_session()
    server.stop()


def test_a_path_is_taken_as_it_is(store: Store) -> None:
    assert find_checkpoint("~/models/mine.nemo", store) == Path.home() / "models" / "mine.nemo"
    assert find_checkpoint("models/mine.nemo", store) == Path("models/mine.nemo")


def test_a_name_of_the_manifest_is_a_file_of_the_weights_folder(store: Store) -> None:
    with pytest.raises(VoiceAgentError, match="run `voiceagent weights pull a-recogniser`"):
        find_checkpoint("a-recogniser", store)
    path = store.root / "a-recogniser" / "a-recogniser.nemo"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert find_checkpoint("a-recogniser", store) == path


def test_a_revision_on_the_hub_is_fetched_once_and_kept(
    store: Store, hub: HubServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        paths = [find_checkpoint(f"someone/known@{REVISION}", store) for _ in range(2)]
    assert paths[0] == paths[1] == store.root / f"someone--known--{REVISION}" / "known.nemo"
    assert paths[0].read_bytes() == CONTENT
    assert [path for path, _ in hub.requests] == [f"/someone/known/resolve/{REVISION}/known.nemo"]
    assert hub.asked("authorization") == ["Bearer hf_secret"]
    assert "100 % of 2 MB" in caplog.text


def test_a_revision_in_the_user_s_hugging_face_cache_is_not_fetched(store: Store, hub: HubServer) -> None:
    there = hf_hub_download("someone/known", "known.nemo", revision=REVISION)
    hub.requests.clear()
    assert find_checkpoint(f"someone/known@{REVISION}", store).readlink() == Path(there)
    assert hub.requests == []


def test_another_revision_is_another_file(store: Store, hub: HubServer) -> None:
    assert find_checkpoint("someone/known@v1", store) != find_checkpoint("someone/known@v2", store)
    assert len(hub.requests) == 2


def test_what_the_hub_does_not_have_is_said(store: Store, hub: HubServer) -> None:
    with pytest.raises(VoiceAgentError, match=r"there is no unknown.nemo in .*someone/unknown at revision v1"):
        find_checkpoint("someone/unknown@v1", store)


@pytest.mark.parametrize("model", ["someone/known", "someone/known@main"])
def test_a_repository_without_a_lasting_revision_is_refused(store: Store, model: str) -> None:
    with pytest.raises(VoiceAgentError, match=r"write someone/known@COMMIT"):
        find_checkpoint(model, store)


@pytest.mark.parametrize(
    "model", ["a-reader", "moonshine", "someone/", "a b", "x/y/z@1", "some/../thing@1", "../thing@1"]
)
def test_other_names_are_refused_with_what_can_be_given(store: Store, model: str) -> None:
    with pytest.raises(VoiceAgentError, match=r"one of a-recogniser, the path of a .nemo file, or org/name@revision"):
        find_checkpoint(model, store)
