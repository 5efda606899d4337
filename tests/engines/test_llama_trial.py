"""llama.cpp put to the test on a GPU; here both sides are the CPU."""

import json
import sys
from pathlib import Path

import pytest

from voiceagent.engines.finding import Verdict
from voiceagent.engines.llm.llama import trial
from voiceagent.engines.llm.llama.spec import LlamaSettings, LlamaSpec
from voiceagent.engines.spec import BuildContext
from voiceagent.weights import Store


def test_without_a_gpu_in_llama_cpp_it_says_how_to_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "gpu_names", list)
    (found,) = trial.findings()
    assert found.verdict is Verdict.PROBLEM
    assert "make gpu" in found.remedy


def test_the_same_output_is_found_to_be_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "gpu_names", lambda: ["a card"])
    monkeypatch.setattr("llama_cpp.llama_cpp.llama_supports_gpu_offload", lambda: True)
    named, computed = trial.findings()
    assert named.text == "llama.cpp computes on a card"
    assert computed.verdict is Verdict.OK
    assert "0.00 % away" in computed.text


def test_another_output_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trial, "gpu_names", lambda: ["a card"])
    monkeypatch.setattr("llama_cpp.llama_cpp.llama_supports_gpu_offload", lambda: True)
    other = tmp_path / "other.gguf"
    other.write_bytes(trial.model_of_noise(seed=1))
    right = trial.output
    monkeypatch.setattr(trial, "output", lambda path, gpu_layers: right(other if gpu_layers else path, gpu_layers=0))
    assert [found.verdict for found in trial.findings()] == [Verdict.OK, Verdict.PROBLEM]


def test_a_library_that_ends_the_process_ends_no_more_than_that() -> None:
    said = json.dumps({"check": "llm on gpu", "verdict": "ok", "text": "a card", "remedy": ""})
    program = f"import os; print({said!r}, flush=True); os.write(2, b'no kernel image'); os.abort()"
    found = list(trial.try_llama((sys.executable, "-c", program)))
    assert [one.verdict for one in found] == [Verdict.OK, Verdict.PROBLEM]
    assert "no kernel image" in found[1].text


def test_a_model_that_is_on_the_cpu_is_not_tried() -> None:
    context = BuildContext(Store(), 1, has_gpu=True)
    assert not list(LlamaSpec("llm", "llama", LlamaSettings).try_gpu(LlamaSettings(), context))
