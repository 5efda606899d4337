"""Is there room? Asked before weights are read, so that the answer is a sentence and not the end of the process."""

from typing import TYPE_CHECKING

from voiceagent.engines.machine import free_main_memory
from voiceagent.errors import VoiceAgentError

if TYPE_CHECKING:
    import torch

GIB = 1 << 30
RUNTIME_BYTES = 720 << 20
"""What torch and NeMo themselves take of main memory once they are imported (measured: 717 MiB at most)."""
RECOGNISER_SLOT_BYTES = 24 * (2 * 70 + 8) * 1024 * 4
"""What a recogniser of 600 million parameters keeps for each slot, as float32: in each of 24 layers the keys and values
of 70 frames and the convolution's last 8 inputs, all of width 1024."""


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

        if not torch.cuda.get_device_properties(device).is_integrated:
            return int(torch.cuda.mem_get_info(device)[0])
        # It computes in main memory, and CUDA does not count what the page cache would give back.
    return free_main_memory()
