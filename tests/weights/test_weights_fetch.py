import errno
from pathlib import Path

import pytest
from weights_serving import CONTENT, write

from voiceagent.weights import DiskFullError, WeightsError
from voiceagent.weights import disk as disk_module
from voiceagent.weights.fetch import RETRY_DELAYS_S, Fetcher, RefusedError


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "model.bin.part"


@pytest.fixture
def url(server) -> str:
    server.files["/model.bin"] = CONTENT
    return f"{server.url}/model.bin"


def test_a_file_arrives_whole_with_a_bar_of_its_size(fetcher, notes, url, part):
    fetcher.fetch(url, part, "model", len(CONTENT))
    assert part.read_bytes() == CONTENT
    assert notes.bars == [("model", 0, len(CONTENT))]


def test_a_broken_connection_is_continued_where_it_broke(fetcher, notes, waits, server, url, part):
    server.cuts = [1000, 2000]
    fetcher.fetch(url, part, "model", len(CONTENT))
    assert part.read_bytes() == CONTENT
    assert server.asked("range") == ["", "bytes=1000-", "bytes=3000-"]
    assert [done for _, done, _ in notes.bars] == [0, 1000, 3000]
    assert waits == [RETRY_DELAYS_S[0]] * 2  # each attempt brought something, so the patience began anew
    assert "; trying again in 1 s" in notes.text


def test_a_transfer_of_an_earlier_process_is_continued(fetcher, server, url, part):
    server.etag = '"v1"'
    server.cuts = [5000]
    with Fetcher(fetcher._reporter, delays_s=()) as earlier, pytest.raises(WeightsError, match="no answer from 127"):
        earlier.fetch(url, part, "model", len(CONTENT))
    fetcher.fetch(url, part, "model", len(CONTENT))
    assert part.read_bytes() == CONTENT
    assert server.asked("range") == ["", "bytes=5000-"]
    assert server.asked("if-range") == ["", '"v1"']


def test_content_that_changed_meanwhile_is_fetched_from_its_beginning(fetcher, server, url, part):
    server.etag = '"v1"'
    server.cuts = [5000]
    with Fetcher(fetcher._reporter, delays_s=()) as earlier, pytest.raises(WeightsError):
        earlier.fetch(url, part, "model")
    server.files["/model.bin"] = b"new" * 3000
    server.etag = '"v2"'
    fetcher.fetch(url, part, "model")
    assert part.read_bytes() == b"new" * 3000


def test_a_weak_etag_is_not_used_to_continue(fetcher, server, url, part):
    server.etag = 'W/"v1"'
    server.cuts = [5000]
    fetcher.fetch(url, part, "model")
    assert server.asked("if-range") == ["", ""]
    assert not part.with_name("model.bin.part.etag").exists()


def test_a_server_without_ranges_sends_it_all_again(fetcher, server, url, part):
    server.ranges = False
    server.cuts = [1000]
    fetcher.fetch(url, part, "model", len(CONTENT))
    assert part.read_bytes() == CONTENT


def test_a_partial_file_that_is_complete_already_is_not_fetched_again(fetcher, server, url, part):
    write(part, CONTENT)
    fetcher.fetch(url, part, "model", len(CONTENT))
    assert server.requests == []
    fetcher.fetch(url, part, "model")  # of unknown size: the server says so
    assert part.read_bytes() == CONTENT
    assert server.asked("range") == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_partial_file_that_is_too_long_is_thrown_away(fetcher, url, part, size):
    write(part, CONTENT + b"junk")
    fetcher.fetch(url, part, "model", size)
    assert part.read_bytes() == CONTENT


def test_an_answer_for_another_range_is_not_appended(fetcher, server, url, part):
    write(part, b"?" * 100)
    server.answers["/model.bin"] = [(206, {"Content-Range": f"bytes 7-{len(CONTENT) - 1}/{len(CONTENT)}"})]
    fetcher.fetch(url, part, "model", len(CONTENT))
    assert part.read_bytes() == CONTENT


def test_a_transfer_that_ends_early_without_a_word_is_continued(fetcher, server, url, part):
    server.hidden_length = True  # so the end of the connection looks like the end of the file
    server.cuts = [1000]
    fetcher.fetch(url, part, "model", len(CONTENT))
    assert part.read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(fetcher, waits, server, url, part):
    server.answers["/model.bin"] = [(503, {}), (429, {})]
    fetcher.fetch(url, part, "model")
    assert part.read_bytes() == CONTENT
    assert waits == list(RETRY_DELAYS_S[:2])


def test_without_a_network_it_gives_up_after_a_few_attempts(fetcher, waits, part):
    with pytest.raises(WeightsError, match=r"no answer from 127.0.0.1:9 \(.*\): is this machine online\?"):
        fetcher.fetch("http://127.0.0.1:9/model.bin", part, "model")
    assert waits == list(RETRY_DELAYS_S)


def test_another_size_than_the_pinned_one_is_refused_before_it_is_fetched(fetcher, url, part):
    with pytest.raises(WeightsError, match="offers 1,048,576 bytes where 12 are pinned"):
        fetcher.fetch(url, part, "model", 12)
    assert not part.exists()


def test_a_refusal_is_not_tried_again_and_tells_neither_password_nor_path(fetcher, waits, server, part):
    address = server.url.replace("http://", "http://me:secret@")
    with pytest.raises(RefusedError, match=r"^127.0.0.1:\d+ answered 404 Not Found$") as refused:
        fetcher.fetch(f"{address}/absent?signature=s3", part, "model")
    assert refused.value.status == 404
    assert waits == []


@pytest.mark.parametrize("url", ["http://[broken", "nonsense://host/x", "http://host\n/"])
def test_an_impossible_address_is_an_error_for_people(fetcher, part, url):
    with pytest.raises(WeightsError):
        fetcher.fetch(url, part, "model")


def test_a_circle_of_redirects_is_an_error_for_people(fetcher, server, part):
    server.answers["/a"] = [(302, {"Location": "/a"})] * 30
    with pytest.raises(WeightsError, match="redirects"):
        fetcher.fetch(f"{server.url}/a", part, "model")


def test_room_is_looked_for_before_anything_is_written(fetcher, monkeypatch, url, part):
    monkeypatch.setattr(disk_module.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    with pytest.raises(DiskFullError, match=r"model needs 1 MB and .* has 0 MB free: make room, or set VOICEAGENT_"):
        fetcher.fetch(url, part, "model")
    assert not part.exists()


def test_only_what_is_still_to_come_needs_room(fetcher, monkeypatch, url, part):
    write(part, CONTENT[:-1000])
    monkeypatch.setattr(disk_module.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    fetcher.fetch(url, part, "model")
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.ENOSPC, DiskFullError, "is full: make room and run the same command again; what has arrived is kept"),
        (errno.EACCES, WeightsError, "cannot write .*: set VOICEAGENT_WEIGHTS_DIR to a folder you may write to"),
    ],
)
def test_a_disk_that_refuses_in_mid_transfer_is_said(fetcher, notes, monkeypatch, url, part, number, kind, said):
    def refuse(count: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(type(notes), "__enter__", lambda self: refuse)
    with pytest.raises(kind, match=said):
        fetcher.fetch(url, part, "model")
    assert part.exists()
