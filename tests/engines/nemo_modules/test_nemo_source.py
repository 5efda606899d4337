"""Which file `model` means. The hub is a small server on this machine."""

import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from voiceagent.engines.nemo.source import find_checkpoint
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Manifest, Model, ModelFile, Store
from voiceagent.weights.manifest import HubSource

CONTENT = bytes(range(256)) * 9000


def pinned(name: str, file: str) -> Model:
    source = HubSource("nobody/nothing", "0" * 40, file)
    return Model(name, "asr", "nemo", "MIT", False, (ModelFile(file, len(CONTENT), True, None, (source,)),))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    models = [pinned("a-recogniser", "a-recogniser.nemo"), pinned("a-reader", "a-reader.gguf")]
    return Store(tmp_path / "weights", Manifest({model.name: model for model in models}))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """What the hub was asked for, with which authorisation."""
    requests: list[tuple[str, str]] = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, self.headers.get("Authorization", "")))
            known = self.path.endswith("/known.nemo")
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(CONTENT) if known else 0))
            self.end_headers()
            self.wfile.write(CONTENT if known else b"")

        def log_message(self, *about: object) -> None:
            """Tests are silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    yield requests
    server.shutdown()
    serving.join()
    server.server_close()


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
    store: Store, asked: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    revision = "0123456789abcdef0123456789abcdef01234567"
    with caplog.at_level(logging.INFO):
        paths = [find_checkpoint(f"someone/known@{revision}", store) for _ in range(2)]
    assert paths[0] == paths[1] == store.root / f"someone--known--{revision}" / "known.nemo"
    assert paths[0].read_bytes() == CONTENT
    assert asked == [(f"/someone/known/resolve/{revision}/known.nemo", "Bearer hf_secret")]
    assert "100 % of 2 MB" in caplog.text


def test_another_revision_is_another_file(store: Store, asked: list[tuple[str, str]]) -> None:
    assert find_checkpoint("someone/known@v1", store) != find_checkpoint("someone/known@v2", store)
    assert len(asked) == 2


def test_what_the_hub_does_not_have_is_said(store: Store, asked: list[tuple[str, str]]) -> None:
    with pytest.raises(VoiceAgentError, match=r"there is no unknown.nemo in .*someone/unknown at revision v1"):
        find_checkpoint("someone/unknown@v1", store)


@pytest.mark.parametrize("model", ["someone/known", "someone/known@main"])
def test_a_repository_without_a_lasting_revision_is_refused(store: Store, model: str) -> None:
    with pytest.raises(VoiceAgentError, match=r"write someone/known@COMMIT"):
        find_checkpoint(model, store)


@pytest.mark.parametrize("model", ["a-reader", "moonshine", "someone/", "a b", "x/y/z@1", "some/../thing@1"])
def test_other_names_are_refused_with_what_can_be_given(store: Store, model: str) -> None:
    with pytest.raises(VoiceAgentError, match=r"one of a-recogniser, the path of a .nemo file, or org/name@revision"):
        find_checkpoint(model, store)
