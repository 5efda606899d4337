"""The numbers of recordings as a flat summary, and as a table for people."""

from collections.abc import Mapping
from typing import Any

from benchmarks import form
from benchmarks.captured.recording import Recording

NUMBERS = ("kernels", "megabytes", "live_megabytes")


def numbers(record: Recording) -> dict[str, float]:
    """Return the kernels of a recording, the megabytes that they read and write, and those alive at once at most."""
    return dict(zip(NUMBERS, (record.count, record.megabytes, round(record.most_live / 1e6, 2)), strict=True))


def summarise(shape: str, recordings: Mapping[str, Recording]) -> dict[str, Any]:
    """Return one entry for each number of each recording."""
    return {
        key(shape, name, number): value
        for name, record in recordings.items()
        for number, value in numbers(record).items()
    }


def key(shape: str, name: str, number: str) -> str:
    """Return the summary's key for a number of a function."""
    return f"{shape}: {name}: {number}"


def show(recordings: Mapping[str, Recording]) -> str:
    """Lay out the recordings for people."""
    rows = [
        (name, *numbers(record).values(), ", ".join(record.refused) or "nothing") for name, record in recordings.items()
    ]
    return form.table(("function", "kernels", "MB moved", "MB alive", "refused by a graph"), rows)
