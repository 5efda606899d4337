"""How busy a GPU is, and how full: what `nvidia-smi` reports every second, in a process of its own."""

import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

QUERY = ("nvidia-smi", "--query-gpu=index,utilization.gpu,memory.used", "--format=csv,noheader,nounits", "-l", "1")


@dataclass(frozen=True, slots=True)
class Sample:
    """One GPU at one moment, on the monotonic clock; None for what is not reported."""

    at: float
    gpu: str
    percent: float | None
    """Of the last second or so in which any kernel ran."""
    memory_mib: float | None


@contextmanager
def sampling() -> Iterator[list[Sample]]:
    """Give a list that grows by a sample of each GPU every second; it stays empty where there is no nvidia-smi."""
    samples: list[Sample] = []
    try:
        process = subprocess.Popen(QUERY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        yield samples
        return
    reader = threading.Thread(target=_read, args=(process, samples))
    reader.start()
    try:
        yield samples
    finally:
        process.kill()
        reader.join()
        process.wait()


def use(samples: Sequence[Sample], start: float, end: float) -> tuple[float | None, float | None]:
    """Return the busiest GPU's mean utilisation in percent and its peak of memory in MiB, between two moments."""
    uses: list[tuple[float | None, float | None]] = [(None, None)]
    for gpu in {sample.gpu for sample in samples}:
        own = [sample for sample in samples if sample.gpu == gpu and start <= sample.at <= end]
        busy = [sample.percent for sample in own if sample.percent is not None]
        full = [sample.memory_mib for sample in own if sample.memory_mib is not None]
        uses.append((round(sum(busy) / len(busy), 1) if busy else None, max(full, default=None)))
    return max(uses, key=lambda one: (one[0] is not None, one[0] or 0.0, one[1] or 0.0))


def _read(process: "subprocess.Popen[str]", samples: list[Sample]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            cells = [cell.strip() for cell in line.split(",")]
            if len(cells) == 3:  # "No devices were found" is not one
                samples.append(Sample(time.monotonic(), cells[0], _number(cells[1]), _number(cells[2])))


def _number(cell: str) -> float | None:
    return float(cell) if cell.isdecimal() else None  # "[N/A]", as of memory that is the machine's
