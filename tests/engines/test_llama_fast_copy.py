import logging
import os
from pathlib import Path

import pytest
from llama_talk import SYSTEM, Caller, loaded, reply, tiny, user

from voiceagent.engines.llm.llama.fast_copy import load_fastest
from voiceagent.errors import VoiceAgentError

Q4_1, Q8_0 = 3, 7


def slow(folder: Path) -> Path:
    """A model that says of itself that it is in a slow format (its weights are float32 all the same)."""
    return tiny(folder, "plain", **{"general.file_type": Q4_1})


def file_type(path: Path, folder: Path) -> int:
    model = load_fastest(path, folder)
    model.close()
    return int(model.file_type)


def test_a_slow_model_is_copied_once(tmp_path: Path) -> None:
    path, folder = slow(tmp_path), tmp_path / "copies"
    assert file_type(path, folder) == Q8_0
    (copy,) = folder.iterdir()
    made = copy.stat().st_mtime_ns
    assert file_type(path, folder) == Q8_0
    assert copy.stat().st_mtime_ns == made


def test_a_copy_older_than_its_model_is_made_anew(tmp_path: Path) -> None:
    path, folder = slow(tmp_path), tmp_path / "copies"
    file_type(path, folder)
    (copy,) = folder.iterdir()
    os.utime(copy, (1, 1))
    file_type(path, folder)
    assert copy.stat().st_mtime > 1


def test_a_model_in_another_format_is_left_alone(tmp_path: Path) -> None:
    path = tiny(tmp_path, "plain", **{"general.file_type": Q8_0})
    file_type(path, tmp_path / "copies")
    assert not (tmp_path / "copies").exists()


@pytest.mark.parametrize("trouble", ["a file in the way", "a damaged copy"])
def test_where_no_copy_can_be_had_the_model_itself_is_used(
    tmp_path: Path, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, folder = slow(tmp_path), tmp_path / "copies"
    if trouble == "a file in the way":
        folder.touch()
    else:
        file_type(path, folder)
        (copy,) = folder.iterdir()
        copy.write_bytes(copy.read_bytes()[:1000])
    with caplog.at_level(logging.WARNING):
        assert file_type(path, folder) == Q4_1
    assert "no fast copy" in caplog.text
    if trouble == "a damaged copy":
        assert file_type(path, folder) == Q8_0, "it is made again the next time"


def test_a_damaged_model_is_not_copied(tmp_path: Path) -> None:
    path = slow(tmp_path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(VoiceAgentError, match="damaged"):
        load_fastest(path, tmp_path / "copies")
    assert not (tmp_path / "copies").exists()


def test_an_engine_talks_from_the_copy(tmp_path: Path) -> None:
    engine = loaded(slow(tmp_path), copies=tmp_path / "copies")
    assert reply(engine, Caller(engine), 1, SYSTEM, user("Hello?"))
    assert (tmp_path / "copies").exists()
    engine.close()
