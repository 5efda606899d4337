"""Steps of fixed shape on a GPU: recorded once and replayed with one launch, on their lane's own stream. On a CPU each
function does the plain equivalent.

A captured function has no arguments and no result: it reads and writes tensors at fixed addresses. It is warmed up and
recorded on the stream that will replay it: torch's allocator gives freed memory only to the stream that had it, and
cuBLAS keeps a workspace for every stream, so that graphs recorded on streams of their own would share nothing.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch
from torch import Tensor

from voiceagent.engines.recording import RECORDING

WARM_UP_RUNS = 3
"""Libraries choose algorithms and allocate workspaces in the first runs, which a graph must not record."""

SPINS = (12, 1)
"""The compute capability of GB10 (DGX Spark), where waking up late costs more than a core that waits busily, of which
it has twenty: llama.cpp does the same there (its pull request 16585)."""


def own_stream(device: torch.device, *, priority: int = -1) -> AbstractContextManager[object]:
    """Return a context in which work goes to a CUDA stream of its own, so that lanes do not wait for each other; it can
    be entered repeatedly. Priority -1 runs before 0, which llama.cpp's streams have. On a CPU it does nothing.
    """
    if device.type != "cuda":
        return nullcontext()
    return torch.cuda.stream(torch.cuda.Stream(device, priority=priority))


def settle(device: torch.device) -> None:
    """Wait for all work on the device: one stream does not wait for another's results."""
    if device.type == "cuda":
        with RECORDING:
            torch.cuda.synchronize(device)


def new_pool(device: torch.device) -> Any:
    """Return memory for intermediate results, shared by graphs that never run at the same time; None on a CPU."""
    return torch.cuda.graph_pool_handle() if device.type == "cuda" else None


def captured(function: Callable[[], None], device: torch.device, pool: Any = None) -> Callable[[], None]:
    """Return a function that does the same as `function`, which is run a few times here first.

    Functions whose only results are in tensors allocated before may share a `pool`, in any order. A graph's kernels
    keep the priority of the stream on which this is called.
    """
    if device.type != "cuda":
        function()
        return function
    stream = _recordable(device)
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP_RUNS):
            function()
    graph = torch.cuda.CUDAGraph()
    # Only this thread's calls are recorded and restricted: llama.cpp may be loading on another.
    with RECORDING, torch.cuda.graph(graph, pool, stream, capture_error_mode="thread_local"):
        function()
    return graph.replay


def to_host(tensor: Tensor) -> Tensor:
    """Return a tensor's values in main memory; the thread waits until they are computed, without the interpreter's
    lock: it sleeps, or spins where waking up takes too long."""
    if tensor.device.type != "cuda":
        return tensor
    there = torch.empty_like(tensor, device="cpu", pin_memory=True)
    there.copy_(tensor, non_blocking=True)
    done = torch.cuda.Event(blocking=_sleeps(tensor.device))
    done.record(torch.cuda.current_stream(tensor.device))
    done.synchronize()
    return there


def _recordable(device: torch.device) -> Any:
    """Return the current stream; always the same other one in place of the default one, which cannot be recorded."""
    here = torch.cuda.current_stream(device)
    if here != torch.cuda.default_stream(device):
        return here
    there = _in_place_of_default(device)
    there.wait_stream(here)
    return there


@cache
def _in_place_of_default(device: torch.device) -> Any:
    return torch.cuda.Stream(device)


@cache
def _sleeps(device: torch.device) -> bool:
    return torch.cuda.get_device_capability(device) != SPINS
