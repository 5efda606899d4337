"""Steps of fixed shape on a GPU: recorded once and replayed with one launch, on a stream of their lane's own, and
waited for without spinning. On a CPU each of these is the plain thing.

A captured function takes nothing and returns nothing: it reads and writes tensors that stay where they are.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Any

import torch
from torch import Tensor

WARM_UP_RUNS = 3
"""Libraries choose their algorithms and allocate their workspaces in the first runs; a graph must not record that."""

_recording = Lock()
"""Engines are loaded side by side, and nobody may wait for the whole device while one of them records; PyTorch does as
each recording begins."""


def own_stream(device: torch.device, *, priority: int = -1) -> AbstractContextManager[object]:
    """Return a context in which work goes to a CUDA stream of its own, so that lanes do not wait for each other; it may
    be entered again and again. Priority -1 goes before 0, which llama.cpp's streams have. On a CPU it does nothing.
    """
    if device.type != "cuda":
        return nullcontext()
    return torch.cuda.stream(torch.cuda.Stream(device, priority=priority))


def settle(device: torch.device) -> None:
    """Wait for all that the device was given: streams do not wait for what others made."""
    if device.type == "cuda":
        with _recording:
            torch.cuda.synchronize(device)


def new_pool(device: torch.device) -> Any:
    """Return memory for the intermediate results of graphs that never run at the same time, None on a CPU."""
    return torch.cuda.graph_pool_handle() if device.type == "cuda" else None


def captured(function: Callable[[], None], device: torch.device, pool: Any = None) -> Callable[[], None]:
    """Return what does the same as `function`; it has been run some times when this returns.

    Functions that leave nothing behind but in tensors made before may share a `pool`, in any order. A graph's kernels
    keep the priority of the stream that this is called on.
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
    # Only this thread's calls are recorded and restricted: llama.cpp may be loading in another.
    with _recording, torch.cuda.graph(graph, pool, side, capture_error_mode="thread_local"):
        function()
    return graph.replay


def to_host(tensor: Tensor) -> Tensor:
    """Return a tensor's values in main memory once they are computed; the thread sleeps until then."""
    if tensor.device.type != "cuda":
        return tensor
    there = torch.empty_like(tensor, device="cpu", pin_memory=True)
    there.copy_(tensor, non_blocking=True)
    done = torch.cuda.Event(blocking=True)
    done.record(torch.cuda.current_stream(tensor.device))
    done.synchronize()
    return there
