"""Model files that are no good: each is a clear error, and llama.cpp's own noise goes nowhere."""

from pathlib import Path

import pytest
from llama_talk import loaded, tiny

from voiceagent.engines.llm.llama.engine import LlamaEngine
from voiceagent.engines.llm.llama.model import LlamaModel
from voiceagent.errors import VoiceAgentError


def refusal(path: Path) -> str:
    with pytest.raises(VoiceAgentError) as refused:
        LlamaEngine(path).load()
    assert str(path) in str(refused.value)
    return str(refused.value)


def test_a_missing_file(tmp_path: Path) -> None:
    assert "does not exist. Fetch it with `voiceagent weights pull`" in refusal(tmp_path / "none.gguf")
    assert "does not exist" in refusal(tmp_path)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "page.gguf"
    for content in (b"", b"<!doctype html>", b"gguf"):
        path.write_bytes(content)
        assert "is not a GGUF file" in refusal(path)


@pytest.mark.parametrize("kept", [4, 20, 100, 5_000, 200_000, -1])
def test_a_truncated_file(tmp_path: Path, kept: int, capfd: pytest.CaptureFixture[str]) -> None:
    path = tiny(tmp_path, "plain")
    path.write_bytes(path.read_bytes()[:kept])
    assert "cannot be loaded: it is damaged" in refusal(path)
    assert capfd.readouterr() == ("", "")


def test_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    path = tiny(tmp_path, "plain", **{"general.architecture": "abacus"})
    assert "abacus" in refusal(path)


def test_a_model_without_a_template_is_not_for_conversation(tmp_path: Path) -> None:
    assert "no chat template" in refusal(tiny(tmp_path, "plain", **{"tokenizer.chat_template": None}))


def test_a_broken_template_is_said_to_be_broken(tmp_path: Path) -> None:
    assert "template" in refusal(tiny(tmp_path, "plain", template="{% for message in %}"))


def test_a_session_longer_than_the_model_was_trained_for(tmp_path: Path) -> None:
    path = tiny(tmp_path, "plain", **{"llama.context_length": 512})
    with pytest.raises(VoiceAgentError, match="trained on 512"):
        LlamaEngine(path).load()


def test_loading_and_talking_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    engine = loaded(tiny(tmp_path, "hybrid"))
    engine.close()
    assert capfd.readouterr() == ("", "")


def test_a_vocabulary_can_be_had_without_the_weights(tmp_path: Path) -> None:
    path = tiny(tmp_path, "hybrid")
    whole, alone = LlamaModel(path), LlamaModel(path, vocabulary_only=True)
    text = "<|im_start|>Hello there"
    assert alone.tokenize(text) == whole.tokenize(text)
    assert alone.template == whole.template != ""
    assert alone.rewindable is whole.rewindable is False
    whole.close()
    alone.close()
