"""The memory plan: how much of each memory every engine will take, compared with what is free.

Pure arithmetic over sizes computed elsewhere: no engine, no device and no clock. All of it is allocated when the models
are loaded, for the maximum number of sessions; a conversation allocates nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from voiceagent.engines.memory import GIB, MIB, MemoryUse, Place


@dataclass(frozen=True, slots=True)
class Free:
    """Free bytes; None where the system does not report them, and then nothing is refused."""

    main: int | None
    gpu: int | None = None
    shared: bool = False
    """Whether the GPU computes in main memory (DGX Spark): both draw on `main`."""


@dataclass(frozen=True, slots=True)
class Account:
    """What is needed in one memory, and what is free in it."""

    name: str
    needed: int
    free: int | None

    @property
    def short(self) -> bool:
        """Whether more is needed than is free."""
        return self.free is not None and self.needed > self.free

    def __str__(self) -> str:
        free = "free memory unknown" if self.free is None else f"{show(self.free)} free"
        return f"{self.name}: {show(self.needed)} needed, {free}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will be loaded."""

    needs: tuple[MemoryUse, ...]
    free: Free
    unknown: tuple[str, ...] = ()
    """Sentences about what could not be computed."""

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Return an account of each memory in which something is needed."""
        totals = {place: sum(need.total for need in self.needs if need.place is place) for place in Place}
        if self.free.shared:
            return (Account("memory shared by CPU and GPU", sum(totals.values()), self.free.main),)
        accounts = (
            Account(Place.MAIN, totals[Place.MAIN], self.free.main),
            Account(Place.GPU, totals[Place.GPU], self.free.gpu),
        )
        return tuple(account for account in accounts if account.needed)

    @property
    def fits(self) -> bool:
        """Whether everything that is known fits."""
        return not any(account.short for account in self.accounts)

    def table(self) -> str:
        """Return the plan as text: a line for each engine and place, and one for each memory."""
        widths = [max(len(row[column]) for row in self._rows()) for column in range(len(HEADINGS))]
        lines = [
            "  ".join(
                cell.ljust(width) if column < TEXT_COLUMNS else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in self._rows()
        ]
        return "\n".join([*lines, *map(str, self.accounts), *self.unknown])

    def _rows(self) -> Iterator[tuple[str, ...]]:
        yield HEADINGS
        for need in self.needs:
            sizes = (need.weights, need.caches, need.workspace, need.loading, need.total, need.per_session)
            yield (need.engine, need.model, need.place, *map(show, sizes))


HEADINGS = ("ENGINE", "MODEL", "PLACE", "WEIGHTS", "CACHES", "WORKSPACE", "LOADING", "ALL", "EACH SESSION")
TEXT_COLUMNS = 3


def show(size: int) -> str:
    """Return a number of bytes as text."""
    if not size:
        return "-"
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{max(1, round(size / MIB))} MiB"
