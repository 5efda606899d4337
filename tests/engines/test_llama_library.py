"""A llama.cpp that the bindings do not describe, or for another processor, is found out before it does harm."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from llama_cpp import llama_cpp as lib
from llama_talk import tiny

from voiceagent.engines.finding import Verdict
from voiceagent.engines.llm.llama import library
from voiceagent.engines.llm.llama.library import (
    CONTEXT,
    MODEL,
    LibraryError,
    check_layout,
    check_library,
    defaults,
    probe,
)
from voiceagent.engines.llm.llama.spec import SPEC, LlamaSettings
from voiceagent.engines.spec import BuildContext
from voiceagent.weights import Store

FILLED_IN_BY = {
    lib.llama_model_params: lib.llama_model_default_params,
    lib.llama_context_params: lib.llama_context_default_params,
}


def without(structure: type[ctypes.Structure], left_out: str) -> type[ctypes.Structure]:
    """Return a structure as it is in a version of llama.cpp that does not have one of its fields."""
    fields = [field for field in structure._fields_ if field[0] != left_out]
    return type("Other", (ctypes.Structure,), {"_fields_": fields})


def read_as(structure: type[ctypes.Structure], other: type[ctypes.Structure]) -> ctypes.Structure:
    """Return what bindings of another version make of what this llama.cpp fills in."""
    size = max(ctypes.sizeof(structure), ctypes.sizeof(other))
    memory = ctypes.create_string_buffer(size)
    real = defaults(FILLED_IN_BY[structure])
    ctypes.memmove(memory, ctypes.addressof(real), ctypes.sizeof(structure))
    return other.from_buffer(memory)


def test_the_installed_one_is_right() -> None:
    check_library()


@pytest.mark.parametrize(
    ("structure", "field", "expected"),
    [
        (lib.llama_model_params, "split_mode", MODEL),
        (lib.llama_model_params, "n_gpu_layers", MODEL),
        (lib.llama_model_params, "tensor_split", MODEL),
        (lib.llama_context_params, "n_ubatch", CONTEXT),
        (lib.llama_context_params, "pooling_type", CONTEXT),
        (lib.llama_context_params, "cb_eval", CONTEXT),
        (lib.llama_context_params, "abort_callback", CONTEXT),
    ],
)
def test_a_field_more_or_less_gives_another_version_away(
    structure: type[ctypes.Structure], field: str, expected: dict[str, object]
) -> None:
    check_layout("it", read_as(structure, structure), expected)
    with pytest.raises(LibraryError, match=r"another version than its Python bindings \(in it, "):
        check_layout("it", read_as(structure, without(structure, field)), expected)


def test_a_folder_without_the_library_is_told(tmp_path: Path) -> None:
    script = "from voiceagent.engines.llm.llama.library import check_library; check_library()"
    environment = {**os.environ, "LLAMA_CPP_LIB_PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert "LibraryError: llama.cpp does not load" in done.stderr
    assert "unset LLAMA_CPP_LIB_PATH" in done.stderr


def test_no_engine_is_built_on_the_wrong_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONTEXT, "n_ctx", -1)
    check_library.cache_clear()
    with pytest.raises(LibraryError, match="n_ctx is 512"):
        SPEC.build(LlamaSettings(model=str(tiny(tmp_path, "plain"))), BuildContext(Store(tmp_path), max_streams=1))
    monkeypatch.undo()
    check_library()


def test_the_doctor_says_which_llama_cpp_it_is(tmp_path: Path) -> None:
    (finding,) = SPEC.findings(LlamaSettings(), BuildContext(Store(tmp_path), max_streams=1))
    assert finding.verdict == Verdict.OK
    assert finding.text.startswith("llama.cpp ")


def test_the_doctor_says_what_mends_a_library_that_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(tmp_path))
    (finding,) = SPEC.findings(LlamaSettings(), BuildContext(Store(tmp_path), max_streams=1))
    assert finding.verdict == Verdict.PROBLEM
    assert finding.text.startswith("llama.cpp does not load (")
    assert finding.remedy.startswith("unset LLAMA_CPP_LIB_PATH")


def test_one_for_a_newer_processor_is_found_out_in_another_process() -> None:
    stopped = f"import os; os.kill(os.getpid(), {signal.SIGILL:d})"
    with pytest.raises(LibraryError, match="compiled for a newer processor than this one: pip install"):
        probe([sys.executable, "-c", stopped])


def test_one_that_crashes_without_a_word_is_a_problem_too() -> None:
    with pytest.raises(LibraryError, match="dies of SIGABRT when it is loaded: unset"):
        probe([sys.executable, "-c", "import os; os.abort()"])


def test_one_that_does_not_come_back_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "PROBE_WITHIN_S", 0.05)
    with pytest.raises(LibraryError, match="does not load within"):
        probe([sys.executable, "-c", "import threading; threading.Event().wait()"])
