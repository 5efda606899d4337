"""Is there room? Asked before weights are read, so that the answer is a sentence and not the end of the process."""

from pathlib import Path
from typing import TYPE_CHECKING

from voiceagent.errors import VoiceAgentError

if TYPE_CHECKING:
    import torch

GIB = 1 << 30
CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def require_memory(what: str, needed: int, device: "torch.device", remedy: str) -> None:
    """Raises VoiceAgentError when `needed` bytes are not free on the device, with what would help."""
    free = free_bytes(device)
    if free is not None and needed > free:
        place = "this machine's memory" if device.type == "cpu" else f"the GPU {device}"
        raise VoiceAgentError(
            f"{what} needs {needed / GIB:.1f} GiB and {free / GIB:.1f} GiB are free in {place}: {remedy}"
        )


def free_bytes(device: "torch.device") -> int | None:
    """What new allocations may take; None where the system does not tell."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    known = [size for size in (_available(), _left_in_container()) if size is not None]
    return min(known, default=None)


def _available() -> int | None:
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:  # not Linux
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None


def _left_in_container() -> int | None:
    """Room below the limit of a container (cgroup v2); its page cache does not count, as it gives way."""
    try:
        limit = (CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((CGROUP / "memory.current").read_text(encoding="ascii"))
        counters = dict(line.split() for line in (CGROUP / "memory.stat").read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):  # no container, or an older kernel
        return None
    return None if limit == "max" else int(limit) - used + int(counters.get("inactive_file", 0))
