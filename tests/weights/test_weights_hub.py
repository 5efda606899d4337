import errno
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import COMMIT, HubServer, be_the_hub
from huggingface_hub import constants, hf_hub_download
from weights_serving import CONTENT, PATH, hub_source, pinned, sha256, write

from voiceagent.weights import DiskFullError, ModelFile, WeightsError
from voiceagent.weights import disk as disk_module
from voiceagent.weights.hub import RETRY_DELAYS_S, Hub, cached
from voiceagent.weights.manifest import HubSource


@pytest.fixture(autouse=True)
def serving(hub: HubServer) -> None:
    hub.files[PATH] = CONTENT


@pytest.fixture
def fetch(client: Hub, tmp_path: Path):
    """Fetch the file of `hub_source()` and return its content."""

    def fetch(file: ModelFile | None = None, client: Hub = client) -> bytes:
        return client.fetch(hub_source(), file or pinned(CONTENT), tmp_path, "model")[0].read_bytes()

    return fetch


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.part"))


@pytest.fixture
def begun(fetch, hub, notes, tmp_path) -> Path:
    """The partial file of an earlier process, of 5000 bytes."""
    hub.cuts = [5000]
    with pytest.raises(WeightsError, match=r"no answer from 127.*: is this machine online\?"):
        fetch(client=Hub(notes, delays_s=()))
    hub.requests.clear()
    (part,) = parts(tmp_path)
    assert part.stat().st_size == 5000
    return part


def test_a_file_arrives_whole_from_its_repository_at_its_revision_with_a_bar_of_its_size(fetch, hub, notes):
    assert fetch() == CONTENT
    assert [path for path, _ in hub.requests] == [PATH]
    assert hub.asked("authorization") == [""]
    assert notes.bars == [("model", 0, len(CONTENT))]


def test_a_broken_connection_is_continued_where_it_broke(fetch, notes, waits, hub):
    hub.cuts = [1000, 2000]
    assert fetch() == CONTENT
    assert hub.asked("range") == ["", "bytes=1000-", "bytes=3000-"]
    assert [done for _, done, _ in notes.bars] == [0, 1000, 3000]
    assert waits == [RETRY_DELAYS_S[0]] * 2  # each attempt brought something, so the count of failures started again
    assert "; trying again in 1 s" in notes.text


def test_a_transfer_of_an_earlier_process_is_continued(fetch, hub, begun):
    assert fetch() == CONTENT
    assert hub.asked("range") == ["bytes=5000-"]


def test_content_that_changed_meanwhile_is_fetched_from_its_beginning(fetch, hub, begun, tmp_path):
    hub.files[PATH] = b"new" * 3000
    assert fetch(pinned(CONTENT, hashed=False)) == b"new" * 3000
    assert hub.asked("range") == [""]
    assert len(parts(tmp_path)) == 1  # what was begun is of no use any more


def test_a_server_without_ranges_sends_it_all_again(fetch, hub):
    hub.ranges = False
    hub.cuts = [1000]
    assert fetch() == CONTENT


def test_a_partial_file_that_is_complete_already_is_not_fetched_again(fetch, hub, begun):
    write(begun, CONTENT)
    assert fetch() == CONTENT
    assert hub.requests == []


def test_a_partial_file_that_is_too_long_is_thrown_away(fetch, begun):
    write(begun, CONTENT + b"junk")
    assert fetch() == CONTENT


@pytest.mark.parametrize("status", [206, 416])
def test_an_answer_for_another_range_is_not_appended(fetch, hub, begun, status):
    span = f"bytes 7-{len(CONTENT) - 1}/{len(CONTENT)}"
    hub.get_answers[PATH] = [(status, {"Content-Range": span})]
    assert fetch() == CONTENT
    assert hub.asked("range") == ["bytes=5000-", ""]


def test_a_transfer_that_ends_early_without_a_word_is_continued(fetch, hub):
    hub.hidden_length = True  # so the end of the connection looks like the end of the file
    hub.cuts = [1000]
    assert fetch() == CONTENT


def test_a_busy_hub_is_asked_again(fetch, waits, hub):
    hub.answers[PATH] = [(503, {}), (429, {})]
    assert fetch() == CONTENT
    assert waits == list(RETRY_DELAYS_S[:2])


def test_without_a_network_it_gives_up_after_a_few_attempts(fetch, waits, monkeypatch):
    be_the_hub("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(WeightsError, match=r"no answer from 127.0.0.1:9 \(.*\): is this machine online\?"):
        fetch()
    assert waits == list(RETRY_DELAYS_S)


def test_another_file_than_the_pinned_one_is_refused_before_it_is_fetched(fetch, hub, tmp_path):
    with pytest.raises(WeightsError, match="offers 1,048,576 bytes where 12 are pinned"):
        fetch(pinned(b"another file"))
    with pytest.raises(WeightsError, match=f"sha256 {sha256(CONTENT)} where {sha256(CONTENT[::-1])} is pinned"):
        fetch(pinned(CONTENT[::-1]))
    assert hub.requests == []
    assert parts(tmp_path) == []


def test_a_file_whose_hash_is_not_pinned_must_be_what_the_hub_says_it_is(client, tmp_path):
    _, expected = client.fetch(hub_source(), pinned(CONTENT, hashed=False), tmp_path, "model")
    assert (expected.size, expected.exact, expected.sha256) == (len(CONTENT), True, sha256(CONTENT))


def test_a_small_file_whose_etag_is_no_hash_of_its_content_will_do(client, hub, tmp_path):
    hub.etag = 'W/"v1"'
    assert client.fetch(hub_source(), pinned(CONTENT, hashed=False), tmp_path, "model")[1].sha256 is None


def test_a_server_that_is_no_hub_is_said(fetch, hub):
    hub.answers[PATH] = [(200, {})]
    with pytest.raises(WeightsError, match="so is no Hugging Face hub: check HF_ENDPOINT"):
        fetch()


def test_a_refusal_is_not_tried_again_and_tells_no_password(fetch, waits, server, monkeypatch):
    be_the_hub(server.url.replace("http://", "http://me:secret@"), monkeypatch)
    server.answers[PATH] = [(418, {})]
    with pytest.raises(WeightsError, match=r"^127.0.0.1:\d+ answered 418 I'm a Teapot$"):
        fetch()
    assert waits == []


@pytest.mark.parametrize("url", ["http://[broken", "nonsense://host", "http://host\n"])
def test_an_impossible_address_is_an_error_for_people(fetch, monkeypatch, url):
    be_the_hub(url, monkeypatch)
    with pytest.raises(WeightsError):
        fetch()


def test_a_circle_of_redirects_is_an_error_for_people(fetch, hub):
    hub.answers[PATH] = [(302, {"Location": PATH})] * 30
    with pytest.raises(WeightsError, match="redirects"):
        fetch()


def test_an_impossible_repository_is_an_error_for_people(client, tmp_path):
    source = HubSource(repo="no//such", revision=COMMIT, path="x")
    with pytest.raises(WeightsError, match="no//such"):
        client.fetch(source, pinned(CONTENT), tmp_path, "model")
    assert cached(source) is None


def free_disk(monkeypatch, free: int) -> None:
    monkeypatch.setattr(disk_module.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": free}))


def test_room_is_looked_for_before_anything_is_written(fetch, monkeypatch, tmp_path):
    free_disk(monkeypatch, 1000)
    with pytest.raises(DiskFullError, match=r"model needs 1 MB and .* has 0 MB free: make room, or set VOICEAGENT_"):
        fetch()
    assert parts(tmp_path) == []


def test_only_what_is_still_to_come_needs_room(fetch, monkeypatch, begun):
    write(begun, CONTENT[:-1000])
    free_disk(monkeypatch, 1000)
    assert fetch() == CONTENT


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.ENOSPC, DiskFullError, "is full: make room and run the same command again; what has arrived is kept"),
        (errno.EACCES, WeightsError, "cannot write .*: set VOICEAGENT_WEIGHTS_DIR to a folder you may write to"),
    ],
)
def test_a_disk_that_refuses_in_mid_transfer_is_said(fetch, notes, monkeypatch, tmp_path, number, kind, said):
    def refuse(count: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(type(notes), "__enter__", lambda self: refuse)
    with pytest.raises(kind, match=said):
        fetch()
    assert parts(tmp_path) != []


@pytest.fixture(params=["HF_TOKEN", "HUGGINGFACE_ACCESS_TOKEN", "hf auth login"])
def token(request, monkeypatch) -> str:
    if request.param.isupper():
        monkeypatch.setenv(request.param, "hf_secret\n")
    else:
        write(Path(constants.HF_TOKEN_PATH), b"hf_secret")
    return "hf_secret"


def test_the_token_goes_to_the_hub_and_not_where_the_hub_redirects_to(hub, fetch, token):
    elsewhere = HubServer()
    elsewhere.files["/blob"] = CONTENT
    hub.elsewhere = elsewhere.url
    try:
        assert fetch() == CONTENT
    finally:
        elsewhere.stop()
    assert hub.asked("authorization") == [f"Bearer {token}"]
    assert elsewhere.asked("authorization") == [""]


def test_an_interrupted_transfer_goes_on_behind_a_redirect(hub, fetch):
    hub.files["/blob"] = CONTENT
    hub.get_answers[PATH] = [(302, {"Location": "/blob"})] * 2
    hub.cuts = [1234]
    assert fetch() == CONTENT
    assert hub.asked("range") == ["", "", "bytes=1234-", "bytes=1234-"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository_says_where_to_accept_the_licence_and_which_variable_to_set(hub, fetch, status):
    hub.answers[PATH] = [(status, {"X-Error-Code": "GatedRepo"})]
    with pytest.raises(WeightsError) as refused:
        fetch()
    assert "accept the licence on https://huggingface.co/someone/model" in str(refused.value)
    assert "https://huggingface.co/settings/tokens" in str(refused.value)
    assert "set it as HF_TOKEN" in str(refused.value)


def test_a_token_that_may_not_read_is_told_apart_from_no_token(hub, fetch, token):
    hub.answers[PATH] = [(403, {})]
    with pytest.raises(
        WeightsError, match="the token in HF_TOKEN or HUGGINGFACE_ACCESS_TOKEN, or of `hf auth login`, may not read"
    ) as refused:
        fetch()
    assert token not in str(refused.value)


@pytest.mark.parametrize("answer", [(404, {}), (401, {"X-Error-Code": "RepoNotFound"})])
def test_a_file_that_is_not_there_is_said_to_be_not_there(hub, fetch, answer):
    hub.answers[PATH] = [answer]
    with pytest.raises(
        WeightsError, match=r"there is no model.bin in https://huggingface.co/someone/model at revision"
    ):
        fetch()


def test_offline_mode_is_respected_and_says_what_to_do(hub, fetch, waits, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError) as refused:
        fetch()
    said = str(refused.value)
    assert f"HF_HUB_OFFLINE is set, and the file is not in the Hugging Face cache ({constants.HF_HUB_CACHE})" in said
    assert "unset it, or bring the file into the cache with `hf download someone/model model.bin --rev" in said
    assert (hub.heads, hub.requests, waits) == ([], [], [])


def test_a_file_of_the_user_s_cache_is_found_at_its_revision(hub, cache):
    assert cached(hub_source()) is None
    there = Path(hf_hub_download("someone/model", "model.bin", revision=COMMIT))
    assert there.is_relative_to(cache)
    assert cached(hub_source()) == there
    assert cached(hub_source("other.bin")) is None
    assert cached(hub_source(repo="other/model")) is None
    assert cached(hub_source().model_copy(update={"revision": "main"})) is None


def test_a_branch_of_the_user_s_cache_is_the_commit_it_was_downloaded_at(hub):
    hub.files[PATH.replace(COMMIT, "main")] = CONTENT
    there = Path(hf_hub_download("someone/model", "model.bin"))
    assert cached(hub_source().model_copy(update={"revision": "main"})) == there
    assert COMMIT in there.parts


SCRIPT = """
import sys; from voiceagent.weights import Model, ModelFile, Manifest, Store, WeightsError
from voiceagent.weights.manifest import HubSource; from voiceagent.weights.pull import pull
source = HubSource(repo="someone/model", revision="{commit}", path="model.bin")
file = ModelFile(name="model.bin", size={size}, sha256="{sha256}", sources=(source,))
model = Model(name="tiny", role="asr", engine="engine", licence="MIT", files=(file,))
try:
    pull(Store({root!r}, Manifest(models={{"tiny": model}})), ["tiny"])
except WeightsError as error:
    print(error)
"""


def test_the_library_s_own_variables_name_the_hub_and_the_cache_and_forbid_to_ask(hub, cache, tmp_path, monkeypatch):
    script = SCRIPT.format(commit=COMMIT, size=len(CONTENT), sha256=sha256(CONTENT), root=str(tmp_path / "store"))

    def run(**environment: str) -> str:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert f"not in the Hugging Face cache ({cache})" in run(HF_HUB_OFFLINE="1")
    assert hub.heads == []
    assert run(HF_HUB_OFFLINE="0") == ""
    assert len(hub.requests) == 1
    assert (tmp_path / "store" / "tiny" / "model.bin").read_bytes() == CONTENT
