"""The model of zeros: llama.cpp loads and computes it, and a death in that is told apart."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from voiceagent.engines.llm.llama import library
from voiceagent.engines.llm.llama.first_decode import MATRICES, WIDTH, decode, model_of_zeros
from voiceagent.engines.llm.llama.library import LibraryError, check_tiles, probe
from voiceagent.engines.llm.llama.spec import SPEC, LlamaSettings
from voiceagent.engines.spec import BuildContext
from voiceagent.weights import Store


def dies(after: str, of: int) -> list[str]:
    """Return a command that says something and is then killed."""
    return [sys.executable, "-c", f"import os; print({after!r}, flush=True); os.kill(os.getpid(), {of:d})"]


def test_it_is_a_real_model_with_weights_of_8_bits(tmp_path: Path) -> None:
    from gguf import GGMLQuantizationType, GGUFReader

    path = tmp_path / "zeros.gguf"
    path.write_bytes(model_of_zeros())
    tensors = {tensor.name: tensor for tensor in GGUFReader(path).tensors}
    for name in MATRICES:
        tensor = tensors[f"blk.0.{name}.weight"]
        assert tensor.tensor_type == GGMLQuantizationType.Q8_0
        assert list(tensor.shape) == [WIDTH, WIDTH]


def test_llama_cpp_computes_it() -> None:
    decode()


def test_what_llama_cpp_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voiceagent.engines.llm.llama.first_decode.model_of_zeros", lambda: b"no model")
    with pytest.raises(RuntimeError, match="does not load a model"):
        decode()


def test_the_probe_computes_after_it_has_said_what_it_is() -> None:
    script = (
        "from voiceagent.engines.llm.llama import library\n"
        "def decode(): raise RuntimeError('llama_decode returns -3')\n"
        "library.decode = decode\n"
        "library.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("llama.cpp ")
    with pytest.raises(LibraryError, match=r"does not compute \(llama_decode returns -3\): unset"):
        probe([sys.executable, "-c", script])


def test_a_death_in_the_tiles_that_a_virtual_machine_announces_says_how_to_compile_without_them() -> None:
    with pytest.raises(LibraryError, match="announces AMX and cannot run it") as raised:
        probe(dies("llama.cpp 1: AVX512, AMX_INT8", signal.SIGILL))
    assert 'CXXFLAGS="-mno-amx-tile -mno-amx-int8" pip install' in raised.value.remedy


def test_another_death_names_its_signal_and_how_far_it_came() -> None:
    with pytest.raises(LibraryError, match="dies of SIGSEGV when it computes"):
        probe(dies("llama.cpp 1: AVX2", signal.SIGSEGV))
    with pytest.raises(LibraryError, match="newer processor than this one"):
        probe(dies("llama.cpp 1: AVX512", signal.SIGILL))


@pytest.mark.parametrize(("sets", "asked"), [(["AVX2"], 0), (["AVX512", "AMX_INT8"], 1)])
def test_at_the_start_only_a_library_with_tiles_is_tried(
    monkeypatch: pytest.MonkeyPatch, sets: list[str], asked: int
) -> None:
    probes: list[None] = []
    monkeypatch.setattr(library, "instruction_sets", lambda: sets)
    monkeypatch.setattr(library, "probe", lambda: probes.append(None))
    check_tiles()
    assert len(probes) == asked


def test_no_engine_is_built_on_a_library_that_dies_of_its_tiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = dies("llama.cpp 1: AVX512, AMX_INT8", signal.SIGILL)
    monkeypatch.setattr(library, "instruction_sets", lambda: ["AMX_INT8"])
    monkeypatch.setattr(library, "probe", lambda: probe(dead))
    with pytest.raises(LibraryError, match="announces AMX and cannot run it"):
        SPEC.build(LlamaSettings(model=str(tmp_path / "any.gguf")), BuildContext(Store(tmp_path), max_streams=1))
