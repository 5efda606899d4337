"""How a model's file is read."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from llama_cpp import llama_cpp as lib

from voiceagent.engines.llm.llama import model as module
from voiceagent.engines.llm.llama.model import LlamaModel, LoadMode
from voiceagent.engines.llm.llama.spec import LlamaSettings
from voiceagent.errors import VoiceAgentError


@pytest.mark.parametrize(
    ("mode", "gpu_layers", "number"),
    [
        ("auto", -1, lib.LLAMA_LOAD_MODE_DIRECT_IO),
        ("auto", 0, lib.LLAMA_LOAD_MODE_AUTO),
        ("auto", 12, lib.LLAMA_LOAD_MODE_AUTO),
        ("mmap", -1, lib.LLAMA_LOAD_MODE_MMAP),
        ("direct", 0, lib.LLAMA_LOAD_MODE_DIRECT_IO),
    ],
)
def test_what_goes_to_a_gpu_whole_does_not_fill_the_systems_cache(
    mode: LoadMode, gpu_layers: int, number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []

    def load(path: bytes, params: Any) -> None:
        asked.append(SimpleNamespace(load_mode=params.load_mode, layers=params.n_gpu_layers))

    monkeypatch.setattr(module, "check_kind", lambda path: None)
    monkeypatch.setattr(module.lib, "llama_model_load_from_file", load)
    with pytest.raises(VoiceAgentError):
        LlamaModel(tmp_path / "model.gguf", gpu_layers=gpu_layers, load_mode=mode)
    assert asked == [SimpleNamespace(load_mode=number, layers=gpu_layers)]


def test_the_setting_says_how() -> None:
    assert LlamaSettings().load_mode == "auto"
