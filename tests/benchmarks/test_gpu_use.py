"""What nvidia-smi says while something runs, played by a script."""

import os
from pathlib import Path

import pytest

from benchmarks.gpu_use import Sample, sampling, use


def play(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> Path:
    """Put an nvidia-smi into the path that says the lines, then its id and arguments through a pipe, and never ends."""
    said = folder / "said"
    os.mkfifo(said)
    program = folder / "nvidia-smi"
    echoes = "\n".join(f"echo '{line}'" for line in lines)
    program.write_text(f'#!/bin/sh\n{echoes}\necho $$ "$@" > {said}\nexec sleep 600\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return said


def test_every_line_is_a_sample_of_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = play(tmp_path, monkeypatch, "0, 40, 8000", "1, 0, 3", "0, 60, 8100")
    with sampling() as samples:
        asked = said.read_text()
    assert "--query-gpu=index,utilization.gpu,memory.used" in asked
    assert [(sample.gpu, sample.percent, sample.memory_mib) for sample in samples] == [
        ("0", 40.0, 8000.0),
        ("1", 0.0, 3.0),
        ("0", 60.0, 8100.0),
    ]
    assert samples[0].at <= samples[-1].at


def test_what_is_not_told_is_not_known_and_complaints_are_no_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = play(tmp_path, monkeypatch, "No devices were found", "0, 12, [N/A]", "0, [Not Supported], [N/A]")
    with sampling() as samples:
        said.read_text()
    assert [(sample.percent, sample.memory_mib) for sample in samples] == [(12.0, None), (None, None)]


def test_it_ends_with_what_it_watched_however_that_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = play(tmp_path, monkeypatch, "0, 40, 8000")
    seen: list[str] = []

    def interrupted() -> None:
        with sampling():
            seen.extend(said.read_text().split())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(ProcessLookupError):
        os.kill(int(seen[0]), 0)


def test_without_a_driver_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with sampling() as samples:
        pass
    assert samples == []
    assert use(samples, 0.0, 9.0) == (None, None)


def test_use_is_the_mean_and_the_peak_of_the_time_asked_for() -> None:
    told = [(0.0, 100.0, 9000.0), (1.0, 20.0, 5000.0), (2.0, 41.0, 6000.0), (3.0, 99.0, 9000.0)]
    samples = [Sample(at, "0", percent, mib) for at, percent, mib in told]
    assert use(samples, 1.0, 2.0) == (30.5, 6000.0)
    assert use(samples, 4.0, 5.0) == (None, None)


def test_of_several_gpus_the_busiest_is_told() -> None:
    samples = [Sample(1.0, "0", 0.0, 3.0), Sample(1.0, "1", 30.0, 7000.0), Sample(1.0, "2", None, None)]
    assert use(samples, 0.0, 2.0) == (30.0, 7000.0)


def test_an_idle_gpu_is_not_an_unknown_one() -> None:
    assert use([Sample(1.0, "0", 0.0, None)], 0.0, 2.0) == (0.0, None)
