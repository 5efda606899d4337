"""Is there room? Asked before weights are read, so that the answer is a sentence and not the end of the process.

And how much of a GPU torch may take, so that what llama.cpp needs is there when it asks.
"""

import logging
from typing import TYPE_CHECKING

from voiceagent.engines.machine import free_main_memory
from voiceagent.errors import VoiceAgentError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

GIB = 1 << 30
RUNTIME_BYTES = 720 << 20
"""What torch and NeMo themselves take of main memory once they are imported (measured: 717 MiB at most)."""
RECOGNISER_SLOT_BYTES = 24 * (2 * 70 + 8) * 1024 * 4
"""What a recogniser of 600 million parameters keeps for each slot, as float32: in each of 24 layers the keys and values
of 70 frames and the convolution's last 8 inputs, all of width 1024."""


def utterance_bytes(*, layers: int, width: int, positions: int, text_width: int, text: int) -> int:
    """Return what a voice keeps for one guided utterance, as float32: keys and values of its positions, once with the
    text and once without, and of the text.
    """
    return layers * 2 * (2 * positions * width + text * text_width) * 4


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


def limit_torch(limit: int | None, device: "torch.device") -> None:
    """Let torch take no more than `limit` bytes of a GPU's memory, for all models of the process together.

    What it asks for beyond that fails in its own step, instead of taking what another library is about to need.
    """
    if limit is None or device.type != "cuda":
        return
    import torch

    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, max(0, limit) / total), device)
    log.info("torch may take %.1f of the GPU's %.1f GiB", min(limit, total) / GIB, total / GIB)
