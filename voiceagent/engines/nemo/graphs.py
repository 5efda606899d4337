"""CUDA graphs for steps of fixed shape: recorded once, replayed with one launch.

A captured function takes nothing and returns nothing: it reads and writes tensors that stay where they are. On a CPU
there is nothing to record, and the function itself is called.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

WARM_UP_RUNS = 3
"""Libraries choose their algorithms and allocate their workspaces in the first runs; a graph must not record that."""


def own_stream(device: torch.device, *, priority: int = -1) -> AbstractContextManager[object]:
    """Return a context in which work goes to a CUDA stream of its own (-1 before 0), so that lanes do not wait for
    each other; it may be entered again and again. On a CPU it does nothing.
    """
    if device.type != "cuda":
        return nullcontext()
    return torch.cuda.stream(torch.cuda.Stream(device, priority=priority))


def captured(function: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """Return what does the same as `function`; it has been run some times when this returns."""
    if device.type != "cuda":
        function()
        return function
    side = torch.cuda.Stream(device)
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        for _ in range(WARM_UP_RUNS):
            function()
    torch.cuda.current_stream(device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        function()
    return graph.replay
