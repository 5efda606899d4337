"""Room for a model, asked before it is read. No torch: a device is a thing with a type."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from voiceagent.engines import machine as this_machine
from voiceagent.engines.nemo import memory
from voiceagent.errors import VoiceAgentError

CPU: Any = SimpleNamespace(type="cpu")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 4 GiB available, outside any container."""
    (tmp_path / "meminfo").write_text("MemTotal: 9999999 kB\nMemAvailable: 4194304 kB\n")
    monkeypatch.setattr(this_machine, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(this_machine, "CGROUP", tmp_path / "cgroup")
    return tmp_path


def contain(machine: Path, limit: str) -> None:
    (machine / "cgroup").mkdir()
    (machine / "cgroup" / "memory.max").write_text(f"{limit}\n")
    (machine / "cgroup" / "memory.current").write_text(f"{1 << 30}\n")
    (machine / "cgroup" / "memory.stat").write_text(f"anon {3 << 28}\ninactive_file {1 << 28}\n")


def test_too_little_memory_is_said_with_the_numbers(machine: Path) -> None:
    memory.require_memory("a model", 4 << 30, CPU, "buy some")
    with pytest.raises(
        VoiceAgentError, match=r"a model needs 4.5 GiB and 4.0 GiB are free in this machine's memory: buy"
    ):
        memory.require_memory("a model", 9 << 29, CPU, "buy some")


def test_a_containers_limit_counts_and_its_page_cache_does_not(machine: Path) -> None:
    contain(machine, str(2 << 30))
    assert memory.free_bytes(CPU) == (1 << 30) + (1 << 28)


def test_a_container_without_a_limit_has_the_machines_memory(machine: Path) -> None:
    contain(machine, "max")
    assert memory.free_bytes(CPU) == 4 << 30


def test_a_system_that_does_not_tell_refuses_nothing(machine: Path) -> None:
    (machine / "meminfo").unlink()
    memory.require_memory("a model", 1 << 60, CPU, "buy some")


@pytest.mark.parametrize(("is_integrated", "free"), [(False, 1 << 30), (True, 4 << 30)])
def test_a_gpu_in_main_memory_has_what_the_machine_has(
    machine: Path, monkeypatch: pytest.MonkeyPatch, is_integrated: bool, free: int
) -> None:
    cuda = SimpleNamespace(
        mem_get_info=lambda device: (1 << 30, 8 << 30),
        get_device_properties=lambda device: SimpleNamespace(is_integrated=is_integrated),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert memory.free_bytes(SimpleNamespace(type="cuda")) == free


def test_a_file_that_was_read_is_dropped_from_the_systems_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[tuple[int, int, int]] = []
    monkeypatch.setattr(memory.os, "posix_fadvise", lambda file, *what: dropped.append(what))
    (tmp_path / "model.nemo").write_bytes(b"weights")
    memory.forget_file(tmp_path / "model.nemo")
    assert dropped == [(0, 0, memory.os.POSIX_FADV_DONTNEED)]
    memory.forget_file(tmp_path / "gone.nemo")
    assert len(dropped) == 1
    monkeypatch.delattr(memory.os, "posix_fadvise")
    memory.forget_file(tmp_path / "model.nemo")


@pytest.mark.parametrize(("limit", "fraction"), [(6 << 30, 0.75), (80 << 30, 1.0), (0, 0.0)])
def test_torch_may_take_its_share_of_a_gpu_and_no_more(
    monkeypatch: pytest.MonkeyPatch, limit: int, fraction: float
) -> None:
    told: list[tuple[float, Any]] = []
    cuda = SimpleNamespace(
        get_device_properties=lambda device: SimpleNamespace(total_memory=8 << 30),
        set_per_process_memory_fraction=lambda share, device: told.append((share, device)),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    gpu: Any = SimpleNamespace(type="cuda")
    memory.limit_torch(limit, gpu)
    assert told == [(fraction, gpu)]
    memory.limit_torch(None, gpu)
    memory.limit_torch(limit, CPU)
    assert len(told) == 1
