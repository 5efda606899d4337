from collections.abc import Callable
from pathlib import Path

import pytest

from voiceagent.app.settings import default_settings, load_settings
from voiceagent.config import ConfigError, files

Write = Callable[[str, str], Path]


def complaint(name: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(name, environ={})
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(files.shipped().glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_configuration_is_valid(path: Path) -> None:
    assert load_settings(path, environ={}).settings != default_settings()


def test_a_shipped_configuration_needs_no_path_and_no_suffix(write: Write) -> None:
    assert load_settings("cpu", environ={}) == load_settings("cpu.yaml", environ={})
    assert load_settings("cpu", environ={}).settings.session.greeting


def test_the_scripted_configuration_needs_no_model() -> None:
    settings = load_settings("scripted", environ={}).settings
    engines = [settings.asr.engine, settings.llm.engine, settings.tts.engine, settings.vad.engine]
    assert engines == ["scripted"] * 4
    assert settings.turn.engine == "silence"


def test_a_path_goes_before_a_shipped_name(write: Write) -> None:
    write("cpu.yaml", "llm: {seed: 7}")
    assert load_settings("cpu.yaml", environ={}).settings.llm.seed == 7


def test_a_folder_is_not_taken_for_a_configuration(write: Write, tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    assert load_settings("cpu", environ={}).settings.session.greeting


def test_a_wheel_carries_its_configurations_inside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "box.yaml").write_text("llm: {seed: 3}")
    monkeypatch.setattr(files, "_PACKAGE", tmp_path)
    assert load_settings("box", environ={}).settings.llm.seed == 3


def test_a_file_that_is_not_there_is_told_with_those_that_are() -> None:
    message = complaint("nope.yaml")
    shipped = ", ".join(sorted(path.name for path in files.shipped().glob("*.yaml")))
    assert message.startswith(f"nope.yaml: there is no such file; give a path, or one of {shipped} (in ")
    assert "cpu.yaml, " in message


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "", "."])
def test_a_name_that_no_file_can_have_is_not_there_either(name: str) -> None:
    assert "there is no such file" in complaint(name)


def test_extends_is_looked_up_beside_the_file_and_then_among_the_shipped(write: Write) -> None:
    write("deep/base.yaml", "llm: {seed: 5}")
    write("deep/mine.yaml", "extends: base.yaml")
    write("other.yaml", "extends: scripted")
    assert load_settings("deep/mine.yaml", environ={}).settings.llm.seed == 5
    assert load_settings("other.yaml", environ={}).settings == load_settings("scripted", environ={}).settings


def test_files_that_extend_each_other_are_refused(write: Write) -> None:
    write("a.yaml", "extends: b.yaml")
    write("b.yaml", "llm: {seed: 1}\nextends: a.yaml")
    assert complaint("a.yaml") == "b.yaml:2: extends: goes round in a circle: a.yaml -> b.yaml -> a.yaml"


def test_a_file_that_extends_itself_is_refused(write: Write) -> None:
    write("a.yaml", "extends: a.yaml")
    assert complaint("a.yaml") == "a.yaml:1: extends: goes round in a circle: a.yaml -> a.yaml"


def test_extending_nothing_that_exists_is_told_at_the_line(write: Write) -> None:
    write("mine.yaml", "\nextends: nope.yaml")
    assert complaint("mine.yaml").startswith("mine.yaml:2: extends: there is no file nope.yaml; give a path, ")


@pytest.mark.parametrize("value", ["[cpu.yaml]", "5", ""])
def test_extends_takes_one_name(write: Write, value: str) -> None:
    write("mine.yaml", f"extends: {value}")
    assert "mine.yaml:1: extends: should be the name of a file, but is" in complaint("mine.yaml")


def test_a_binary_file_is_refused(write: Write) -> None:
    write("model.gguf", "").write_bytes(b"GGUF\x03\x00\xff\xfe\x80")
    assert complaint("model.gguf") == "model.gguf: this is not a text file in UTF-8"


def test_a_file_that_cannot_be_read_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("mine.yaml", "")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert complaint("mine.yaml") == "mine.yaml: the file cannot be read: Permission denied"


def test_a_file_elsewhere_is_named_by_its_whole_path(tmp_path: Path) -> None:
    path = tmp_path / "far.yaml"
    path.write_text("llm: {seed: -1}")
    assert complaint(str(path)).startswith(f"{path}:1: llm.seed: ")
