"""The GPU itself, measured: graphs, streams that overlap, priorities, launches, waiting, memory.

Each number is of a second's work at most, so that it tells orders, not percents.
"""

from collections.abc import Callable, Iterator
from functools import cache
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from voiceagent.engines.finding import Finding, ok, problem, warning
from voiceagent.engines.memory import DEVICE_RUNTIME, MIB
from voiceagent.engines.nemo.fused import operation
from voiceagent.engines.nemo.graphs import captured, own_stream, settle, to_host
from voiceagent.engines.nemo.trial.fit import fits

KERNELS = 200
"""Of the small step: about as many as a tenth of a recogniser's."""
SMALL = 4096
"""Values that each works on: far too few for a GPU."""
REPEATS = 20
OVERLAP = 0.75
"""Two small steps at once that take more than this share of both one after the other do not overlap."""
WIDE = 4096
"""Rows and columns of the products that fill a GPU."""
COPIED = 512 * MIB


@cache
def findings_of(device: torch.device) -> tuple[Finding, ...]:
    """Return what is found of a CUDA device; it is looked at once. What fails is found as well."""
    found: list[Finding] = []
    try:
        found += try_device(device)
    except Exception as error:  # a device or a driver that is out of order may raise anything
        found.append(problem("gpu", f"the GPU does not compute ({type(error).__name__}: {error})", "see docs/gpu.md"))
    return tuple(found)


def try_device(device: torch.device) -> Iterator[Finding]:
    """Yield what is found of a CUDA device."""
    yield _build(device)
    with own_stream(device):
        first, second = Step(device), Step(device)
        yield from _graphs(first)
        yield _kernels(device)
        yield _overlap(device, first, second)
        yield _priorities(device, first)
        yield _bandwidth(device)
        yield _waiting(device, first)
    yield _runtime(device)


class Step:
    """A chain of small kernels as a graph, on a stream of its own; it adds KERNELS to every value."""

    def __init__(self, device: torch.device, *, priority: int = -1) -> None:
        self.values = torch.zeros(SMALL, device=device)
        self._stream: Any = own_stream(device, priority=priority)
        settle(device)
        with self._stream:
            self._replay = captured(self._compute, device)
        settle(device)

    def _compute(self) -> None:
        for _ in range(KERNELS):
            self.values.add_(1.0)

    def run(self) -> None:
        """Enqueue it once."""
        with self._stream:
            self._replay()

    def result(self) -> Tensor:
        """Return the values, once they are there."""
        with self._stream:
            return to_host(self.values)


def seconds(device: torch.device, work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return how long a device takes for some work, with nothing else to do: the mean of some repeats."""
    work()
    settle(device)
    began = perf_counter()
    for _ in range(repeats):
        work()
    settle(device)
    return (perf_counter() - began) / repeats


def _build(device: torch.device) -> Finding:
    capability = torch.cuda.get_device_capability(device)
    about = (
        f"torch {torch.__version__} for CUDA {torch.version.cuda}, compute capability {'.'.join(map(str, capability))}"
    )
    architectures = torch.cuda.get_arch_list()
    if fits(architectures, capability):
        return ok("gpu torch", about)
    return problem(
        "gpu torch",
        f"{about}: this build has kernels for {', '.join(architectures)} only",
        "install a torch that is made for a newer CUDA (docs/gpu.md)",
    )


def _graphs(step: Step) -> Iterator[Finding]:
    before = step.result().clone()
    step.run()
    after = step.result()
    if torch.equal(after, before + KERNELS):
        took = seconds(step.values.device, step.run)
        yield ok(
            "gpu graphs", f"recorded and replayed: {1e6 * took / KERNELS:.1f} us for each of {KERNELS} small kernels"
        )
    else:
        yield problem("gpu graphs", "a replayed graph computes something else", "install the driver and torch again")


def _kernels(device: torch.device) -> Finding:
    if why := operation.trouble(device):
        return warning("gpu kernels", f"fused kernels cannot be used ({why})", operation.REMEDY)
    return ok("gpu kernels", "Triton compiles fused kernels, and one computes what it should")


def _overlap(device: torch.device, first: Step, second: Step) -> Finding:
    def both() -> None:
        first.run()
        second.run()

    alone = seconds(device, first.run) + seconds(device, second.run)
    share = seconds(device, both) / alone
    text = f"two small steps on two streams take {100 * share:.0f} % of one after the other"
    if share <= OVERLAP:
        return ok("gpu streams", text)
    return warning(
        "gpu streams", f"{text}: they do not overlap", "is another process using the GPU, or is it MPS or MIG?"
    )


def _priorities(device: torch.device, step: Step) -> Finding:
    """Hold a small step on a stream of high priority against one of the lowest, while large products fill the GPU."""
    wide = torch.ones(WIDE, WIDE, device=device, dtype=torch.bfloat16)
    behind: Any = own_stream(device, priority=0)
    settle(device)

    def beside(small: Step) -> float:
        took = []
        for _ in range(5):
            with behind:
                for _ in range(10):
                    wide @ wide
            began = perf_counter()
            small.run()
            small.result()
            took.append(perf_counter() - began)
            settle(device)
        return 1000 * median(took)

    beside(step)
    high, low = beside(step), beside(Step(device, priority=0))
    text = f"beside large products a small step takes {high:.2f} ms with priority, {low:.2f} ms without"
    if high <= 1.1 * low:
        return ok("gpu streams", text)
    return warning("gpu streams", f"{text}: priority does not help", "compare again while nothing else runs")


def _bandwidth(device: torch.device) -> Finding:
    source = torch.ones(COPIED // 4, device=device)
    target = torch.empty_like(source)
    took = seconds(device, lambda: target.copy_(source), repeats=5)
    return ok("gpu memory", f"{2 * COPIED / took / 1e9:,.0f} GB/s when copying")


def _waiting(device: torch.device, step: Step) -> Finding:
    """Measure how late the host learns that a step is done, when it sleeps and when it spins."""

    def wait(*, blocking: bool) -> float:
        took = []
        for _ in range(REPEATS):
            done = torch.cuda.Event(blocking=blocking)
            began = perf_counter()
            step.run()
            with step._stream:
                done.record()
            done.synchronize()
            took.append(perf_counter() - began)
        return 1000 * median(took)

    wait(blocking=True)
    asleep, awake = wait(blocking=True), wait(blocking=False)
    return ok("gpu waiting", f"a small step takes {asleep:.2f} ms when the host sleeps, {awake:.2f} ms when it spins")


def _runtime(device: torch.device) -> Finding:
    """Compare what the driver and libraries take with the memory plan's allowance."""
    free, total = torch.cuda.mem_get_info(device)
    taken = total - free - torch.cuda.memory_reserved(device)
    text = (
        f"{taken / MIB:,.0f} MiB are taken besides torch's tensors; the memory plan allows {DEVICE_RUNTIME / MIB:.0f}"
    )
    if torch.cuda.get_device_properties(device).is_integrated:
        return ok("gpu memory", "its memory is the machine's: what the driver takes is not told apart")
    if taken <= DEVICE_RUNTIME:
        return ok("gpu memory", text)
    return warning("gpu memory", text, "is another process using the GPU? `nvidia-smi` lists them")
