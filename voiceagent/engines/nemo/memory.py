"""Is there room? Asked before weights are read, so that the answer is a sentence and not the end of the process."""

from typing import TYPE_CHECKING

from voiceagent.engines.machine import free_main_memory
from voiceagent.errors import VoiceAgentError

if TYPE_CHECKING:
    import torch

GIB = 1 << 30


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
    return free_main_memory()
