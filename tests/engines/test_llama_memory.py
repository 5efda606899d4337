"""Memory, reckoned before loading, against what llama.cpp then says it has taken."""

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_cpp import llama_cpp as lib
from llama_talk import SYSTEM, Caller, loaded, reply, tiny, user

from benchmarks.dummies.gguf_model import write
from benchmarks.dummies.gguf_shape import Kind
from voiceagent.engines.llm.llama import memory as llama_memory
from voiceagent.engines.llm.llama import model as llama_model
from voiceagent.engines.llm.llama.context import LlamaContext
from voiceagent.engines.llm.llama.engine import LlamaEngine
from voiceagent.engines.llm.llama.gguf_header import read_header
from voiceagent.engines.llm.llama.gguf_memory import KvType, MemoryNeed, memory_need
from voiceagent.engines.llm.llama.memory import check_fit
from voiceagent.engines.llm.llama.model import LlamaModel
from voiceagent.errors import VoiceAgentError

GIB = 1 << 30
NEED = MemoryNeed(weights=20 * GIB, kv_cache=2 * GIB, recurrent_state=GIB, compute=GIB, layers=49)
SHAPE: dict[str, Any] = {"context_tokens": 2048, "sequences": 13, "batch_tokens": 64}


@pytest.fixture
def log() -> Iterator[list[str]]:
    """What llama.cpp says while it allocates."""
    lines: list[str] = []
    callback = lib.llama_log_callback(lambda level, text, _: lines.append(text.decode()))
    lib.llama_log_set(callback, ctypes.c_void_p(0))
    yield lines
    lib.llama_log_set(llama_model._LOG_CALLBACK, ctypes.c_void_p(0))


def said(log: list[str], what: str) -> float:
    """Return the MiB that llama.cpp names for something, 0 where it does not."""
    return sum(float(found[1]) for line in log if (found := re.search(what + r" += +([\d.]+) MiB", line)))


@pytest.mark.parametrize(
    ("kind", "kv_type", "flash"), [("plain", "f16", False), ("hybrid", "f16", False), ("hybrid", "f16", True)]
)
def test_the_need_is_what_llama_cpp_takes(
    kind: Kind, kv_type: KvType, flash: bool, tmp_path: Path, log: list[str]
) -> None:
    path = write(tmp_path / "dummy.gguf", kind)
    need = memory_need(path, **SHAPE, kv_type=kv_type, flash_attention=flash)
    model = LlamaModel(path)
    log.clear()
    context = LlamaContext(model, **SHAPE, threads=1, flash_attention=flash, kv_type=kv_type)
    mib = 1 << 20
    assert need.kv_cache / mib == pytest.approx(said(log, "KV buffer size"), abs=0.005)
    assert need.recurrent_state / mib == pytest.approx(said(log, "RS buffer size"), abs=0.005)
    taken = said(log, "compute buffer size") + said(log, "output buffer size")
    assert need.weights == path.stat().st_size
    assert taken < need.compute / mib + 4, "but for the few MiB that llama.cpp takes for any graph"
    context.close()
    model.close()


def test_a_quantised_kv_cache_takes_about_half(tmp_path: Path) -> None:
    path = write(tmp_path / "dummy.gguf")
    exact, half = (memory_need(path, **SHAPE, kv_type=kind, flash_attention=True).kv_cache for kind in ("f16", "q8_0"))
    assert half == exact * 17 // 32


def test_nemotron_3_nanos_shape_needs_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.dummies.gguf_model._stored", lambda tensor, weights: (0, 0))
    monkeypatch.setattr("benchmarks.dummies.gguf_model._data", lambda *given: b"")
    monkeypatch.setattr("gguf.GGUFWriter.write_tensor_data", lambda *given: None)
    path = write(tmp_path / "header.gguf", "hybrid", size="true")
    need = memory_need(path, context_tokens=16_384, sequences=13, batch_tokens=528, kv_type="f16", flash_attention=True)
    assert need.kv_cache == 16_384 * 6144
    assert need.recurrent_state / 2**20 == pytest.approx(13 * 47.617, abs=0.01)
    assert need.layers == 52


def test_what_does_not_fit_is_refused_with_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_memory, "free_main_memory", lambda: 23 * GIB)
    monkeypatch.setattr(llama_memory, "free_on_gpus", lambda: 0)
    with pytest.raises(VoiceAgentError) as refused:
        check_fit(NEED, "big.gguf", gpu_layers=0)
    assert "big.gguf needs 24.00 GiB (weights 20.00 GiB, KV cache 2.00 GiB" in str(refused.value)
    assert "24.00 GiB of main memory, and 23.00 GiB are free" in str(refused.value)
    monkeypatch.setattr(llama_memory, "free_main_memory", lambda: 24 * GIB)
    check_fit(NEED, "big.gguf", gpu_layers=0)


def test_layers_on_a_gpu_need_room_there_and_the_rest_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lib, "llama_supports_gpu_offload", lambda: True)
    monkeypatch.setattr(llama_memory, "free_main_memory", lambda: 13 * GIB)
    monkeypatch.setattr(llama_memory, "free_on_gpus", lambda: 24 * GIB)
    with pytest.raises(VoiceAgentError, match=r"24\.50 GiB of GPU memory, and 24\.00 GiB are free.*llm\.gpu_layers"):
        check_fit(NEED, "big.gguf", gpu_layers=-1)
    check_fit(NEED, "big.gguf", gpu_layers=25)
    with pytest.raises(VoiceAgentError, match="of main memory"):
        check_fit(NEED, "big.gguf", gpu_layers=20)


def test_what_is_split_between_gpu_and_main_memory_is_all_there_and_both_compute() -> None:
    on_gpus, in_main = NEED.split(25)
    assert (on_gpus.weights, in_main.weights) == (10 * GIB, 10 * GIB)
    assert on_gpus.kv_cache + in_main.kv_cache == NEED.kv_cache
    assert on_gpus.compute == in_main.compute == NEED.compute
    assert [part.total for part in NEED.split(0)] == [0, NEED.total]
    assert [part.total for part in NEED.split(-1)] == [NEED.total, 0] == [part.total for part in NEED.split(99)]


def test_a_system_that_does_not_say_what_is_free_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_memory, "free_main_memory", lambda: None)
    check_fit(NEED, "big.gguf", gpu_layers=0)


def test_a_model_too_large_is_refused_before_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_memory, "free_main_memory", lambda: 1000)
    monkeypatch.setattr("voiceagent.engines.llm.llama.engine.LlamaModel", None)
    with pytest.raises(VoiceAgentError, match=r"plain\.gguf needs .* main memory"):
        LlamaEngine(tiny(tmp_path, "plain")).load()


def test_the_need_is_told_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        loaded(tiny(tmp_path, "hybrid")).close()
    assert "hybrid.gguf needs 0.0" in caplog.text


def test_a_quantised_kv_cache_needs_flash_attention(tmp_path: Path) -> None:
    with pytest.raises(VoiceAgentError, match="needs flash attention"):
        LlamaEngine(tiny(tmp_path, "plain"), kv_type="q8_0", flash_attention=False).load()


def test_a_model_with_a_quantised_kv_cache_talks(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.gguf", size="true", weights="q4_0")  # q8_0 needs heads of 32 values or more
    engine = loaded(path, kv_type="q8_0", max_tokens=2)
    assert reply(engine, Caller(engine), 1, SYSTEM, user("Hello?"))
    engine.close()


def test_layers_on_a_gpu_need_a_llama_cpp_that_was_compiled_for_one(tmp_path: Path) -> None:
    if lib.llama_supports_gpu_offload():
        pytest.skip("this one was")
    with pytest.raises(VoiceAgentError, match=r"set llm\.gpu_layers to 0, or recompile it"):
        LlamaEngine(tiny(tmp_path, "plain"), gpu_layers=-1).load()


def test_memory_that_is_free_is_known_here() -> None:
    assert llama_memory.free_main_memory()
    assert llama_memory.free_on_gpus() >= 0


def test_a_header_is_read_without_its_vocabulary(tmp_path: Path) -> None:
    meta = read_header(tiny(tmp_path, "hybrid"))
    assert meta["general.architecture"] == "nemotron_h_moe"
    assert meta["nemotron_h_moe.attention.head_count_kv"] == [0, 0, 2]
    assert meta["nemotron_h_moe.expert_weights_scale"] == 2.5
    assert meta["tokenizer.ggml.tokens"] == 267
    assert meta["tokenizer.ggml.add_bos_token"] is False
