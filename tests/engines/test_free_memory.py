"""What nvidia-smi says, played by a script, on machines we do not have."""

import os
from pathlib import Path

import pytest

from voiceagent.engines import machine
from voiceagent.engines.machine import Gpu, cuda_version, free_main_memory, nvidia_gpus

GIB = 1 << 30


def say(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put an nvidia-smi into the path."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_every_gpu_is_told_with_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = "NVIDIA GeForce RTX 5090, 580.65, 12.0, 32607, 32000"
    say(tmp_path, monkeypatch, f"echo '{row}'; echo '{row}'")
    gpu = Gpu("NVIDIA GeForce RTX 5090", "580.65", "12.0", 32607 << 20, 32000 << 20)
    assert nvidia_gpus() == (gpu, gpu)
    assert not gpu.shares_memory


def test_a_gpu_that_tells_no_memory_shares_the_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say(tmp_path, monkeypatch, "echo 'NVIDIA GB10, 580.95, 12.1, [N/A], [N/A]'")
    (gpu,) = nvidia_gpus()
    assert gpu.shares_memory
    assert gpu.free is None


def test_the_drivers_cuda_is_read_from_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say(tmp_path, monkeypatch, "echo '| NVIDIA-SMI 580.65   Driver Version: 580.65   CUDA Version: 13.0     |'")
    assert cuda_version() == "13.0"


@pytest.mark.parametrize("script", ["echo no devices were found; exit 6", "echo what, is this", "kill -9 $$", ""])
def test_a_driver_that_fails_has_no_gpu(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say(tmp_path, monkeypatch, script)
    assert nvidia_gpus() == ()
    assert cuda_version() is None


def test_a_machine_without_a_driver_has_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia_gpus() == ()


def test_a_driver_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say(tmp_path, monkeypatch, "exec sleep 60")
    monkeypatch.setattr(machine, "ANSWER_WITHIN_S", 0.1)
    assert nvidia_gpus() == ()


def test_memory_that_the_system_does_not_tell_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "CGROUP", tmp_path / "cgroup")
    assert free_main_memory() is None
    (tmp_path / "meminfo").write_text("MemAvailable: plenty\n")
    assert free_main_memory() is None
    (tmp_path / "meminfo").write_text("MemAvailable: 4194304 kB\n")
    assert free_main_memory() == 4 * GIB
