"""Turns become lines of a file; a file that cannot be written is a pity, not an accident."""

import json
import logging
from pathlib import Path

import pytest

from voiceagent.trace import TurnTrace
from voiceagent.trace.jsonl import TurnFile

FULL_DISK = Path("/dev/full")


def a_turn(turn: int, text: str = "") -> TurnTrace:
    return TurnTrace("ab12", turn, outcome="completed", user_text=text)


def test_every_turn_is_a_line_that_can_be_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "traces" / "turns.jsonl"
    file = TurnFile(path)
    for turn in (1, 2):
        file.append(a_turn(turn, "secret"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    file.close()
    assert [line["turn"] for line in lines] == [1, 2]
    assert all(line["time"].endswith("+00:00") for line in lines)
    assert "secret" not in path.read_text()


def test_a_restart_goes_on_with_the_same_file(tmp_path: Path) -> None:
    for turn in (1, 2):
        file = TurnFile(tmp_path / "turns.jsonl")
        file.append(a_turn(turn))
        file.close()
    assert len((tmp_path / "turns.jsonl").read_text().splitlines()) == 2


def test_words_are_written_when_the_operator_wants_them_even_broken_ones(tmp_path: Path) -> None:
    path = tmp_path / "turns.jsonl"
    file = TurnFile(path, log_text=True)
    file.append(a_turn(1, "schön \udc80\nline"))
    file.close()
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["user_text"] == "schön \udc80\nline"
    assert "schön" in line


def test_a_place_that_cannot_be_written_is_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    file = TurnFile(tmp_path / "file" / "turns.jsonl")
    file.append(a_turn(1))
    file.append(a_turn(2))
    file.close()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "turns.jsonl" in caplog.text


@pytest.mark.skipif(not FULL_DISK.exists(), reason="needs a device that is always full")
def test_a_full_disk_is_reported_once_and_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    file = TurnFile(FULL_DISK)
    file.append(a_turn(1))
    file.append(a_turn(2))
    file.close()
    file.append(a_turn(3))
    file.close()
    assert len(caplog.records) == 1
    assert "conversations continue" in caplog.text
