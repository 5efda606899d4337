"""This machine's CPU, free memory and GPUs, the last as NVIDIA's driver reports them.

Knows no model and needs no torch. Where a system reports nothing, the answer is None or empty, never an error.
"""

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")
CPUINFO = Path("/proc/cpuinfo")
FIELDS = ("name", "driver_version", "compute_cap", "memory.total", "memory.free")
ANSWER_WITHIN_S = 5.0
"""A driver that hangs must not hang us; a healthy one takes a few tenths of a second."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; sizes in bytes, None where it has no memory of its own."""

    name: str
    driver: str
    compute_capability: str
    total: int | None
    free: int | None

    @property
    def shares_memory(self) -> bool:
        """Whether it computes in the machine's main memory, as in a DGX Spark: the driver gives no size then."""
        return self.total is None


def processor() -> str:
    """Return the processor's own name, or else its architecture."""
    try:
        named = re.search(r"^model name\s*:\s*(\S.*)$", CPUINFO.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, ValueError):  # not Linux
        named = None
    return named[1].strip() if named else platform.processor() or platform.machine() or "unknown processor"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_main_memory() -> int | None:
    """Return the bytes available without swapping, within the limit of a container."""
    known = [size for size in (_available(), _left_in_container()) if size is not None]
    return min(known, default=None)


def nvidia_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that `nvidia-smi` lists; none where it is absent or fails."""
    lines = _nvidia_smi(f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits").splitlines()
    rows = [[cell.strip() for cell in line.split(",")] for line in lines]
    return tuple(Gpu(row[0], row[1], row[2], _mib(row[3]), _mib(row[4])) for row in rows if len(row) == len(FIELDS))


def cuda_version() -> str | None:
    """Return the newest CUDA that the driver can run, such as 13.0."""
    found = re.search(r"CUDA Version\s*:\s*(\d[\d.]*)", _nvidia_smi())
    return found[1] if found else None


def _nvidia_smi(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["nvidia-smi", *arguments], capture_output=True, text=True, errors="replace", timeout=ANSWER_WITHIN_S
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _mib(cell: str) -> int | None:
    return int(cell) << 20 if cell.isdigit() else None  # "[N/A]" where memory is shared


def _available() -> int | None:
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        found = [line.split() for line in lines if line.startswith("MemAvailable:")]
        return int(found[0][1]) * 1024 if found else None
    except (OSError, ValueError, IndexError):  # not Linux, or an odd one
        return None


def _left_in_container() -> int | None:
    """Return the bytes left below a container's limit (cgroup v2); the page cache counts as free: it can be evicted."""
    try:
        limit = (CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((CGROUP / "memory.current").read_text(encoding="ascii"))
        counters = dict(line.split() for line in (CGROUP / "memory.stat").read_text(encoding="ascii").splitlines())
        return None if limit == "max" else int(limit) - used + int(counters.get("inactive_file", 0))
    except (OSError, ValueError):  # no container, or an older kernel
        return None
