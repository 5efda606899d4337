"""Checks free memory before weights are read, so that too little gives an error message instead of a killed process.

Also limits how much of a GPU torch may take, so that llama.cpp finds what it needs.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from voiceagent.engines.machine import free_main_memory
from voiceagent.errors import VoiceAgentError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

GIB = 1 << 30
RUNTIME_BYTES = 720 << 20
"""What torch and NeMo themselves take of main memory once imported (measured: 717 MiB at most)."""


def recogniser_slot_bytes(right_context: int) -> int:
    """Return what a recogniser of 600 million parameters keeps per slot, in float32: in each of 24 layers the keys and
    values of 70 frames and of a step's, and the convolution's last 8 inputs, all of width 1024.
    """
    return 24 * (2 * (70 + right_context + 1) + 8) * 1024 * 4


def utterance_bytes(*, layers: int, width: int, positions: int, text_width: int, text: int) -> int:
    """Return the bytes that a voice keeps for one guided utterance, in float32: keys and values of its positions, once
    with the text and once without, and of the text.
    """
    return layers * 2 * (2 * positions * width + text * text_width) * 4


def require_memory(what: str, needed: int, device: "torch.device", remedy: str) -> None:
    """Raise VoiceAgentError, with the remedy, if `needed` bytes are not free on the device."""
    free = free_bytes(device)
    if free is not None and needed > free:
        place = "this machine's memory" if device.type == "cpu" else f"the GPU {device}"
        raise VoiceAgentError(
            f"{what} needs {needed / GIB:.1f} GiB and {free / GIB:.1f} GiB are free in {place}: {remedy}"
        )


def free_bytes(device: "torch.device") -> int | None:
    """Return the bytes that new allocations may take; None where the system does not report them."""
    if device.type == "cuda":
        import torch

        if not torch.cuda.get_device_properties(device).is_integrated:
            return int(torch.cuda.mem_get_info(device)[0])
        # It computes in main memory, and CUDA does not count the page cache, which could be evicted.
    return free_main_memory()


def forget_file(path: Path) -> None:
    """Let the system drop a file that was read from its cache: where a GPU shares the memory, it takes no other's room.

    Does nothing where the system has no such call, or the file is gone.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    with suppress(OSError), path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def limit_torch(limit: int | None, device: "torch.device") -> None:
    """Limit torch to `limit` bytes of a GPU's memory, for all models of the process together.

    An allocation beyond that fails in its own step instead of taking what another library is about to need.
    """
    if limit is None or device.type != "cuda":
        return
    import torch

    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, max(0, limit) / total), device)
    log.info("torch may take %.1f of the GPU's %.1f GiB", min(limit, total) / GIB, total / GIB)
