"""Steps of fixed shape on a GPU: recorded once and replayed with one launch, on their lane's own stream, and awaited
without spinning. On a CPU each function does the plain equivalent.

A captured function has no arguments and no result: it reads and writes tensors at fixed addresses.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Any

import torch
from torch import Tensor

WARM_UP_RUNS = 3
"""Libraries choose algorithms and allocate workspaces in the first runs, which a graph must not record."""

_recording = Lock()
"""Engines load in parallel, and no thread may synchronise the whole device while another records; PyTorch does so at
the start of each recording."""


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
        with _recording:
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
    here = torch.cuda.current_stream(device)
    side = torch.cuda.Stream(device, priority=here.priority)
    side.wait_stream(here)
    with torch.cuda.stream(side):
        for _ in range(WARM_UP_RUNS):
            function()
    here.wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # Only this thread's calls are recorded and restricted: llama.cpp may be loading on another.
    with _recording, torch.cuda.graph(graph, pool, side, capture_error_mode="thread_local"):
        function()
    return graph.replay


def to_host(tensor: Tensor) -> Tensor:
    """Return a tensor's values in main memory; the thread sleeps until they are computed."""
    if tensor.device.type != "cuda":
        return tensor
    there = torch.empty_like(tensor, device="cpu", pin_memory=True)
    there.copy_(tensor, non_blocking=True)
    done = torch.cuda.Event(blocking=True)
    done.record(torch.cuda.current_stream(tensor.device))
    done.synchronize()
    return there
