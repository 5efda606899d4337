"""Where a setting's value was written: a line of a file, an environment variable, `--set`, or nowhere (the default)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Origin:
    """A place where a user can change a value. `str()` gives `configs/cpu.yaml:12`, `--set` and the like."""

    source: str
    line: int | None = None  # counted from 1

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


DEFAULT = Origin("default")
SET_OPTION = Origin("--set")


def environment(variable: str) -> Origin:
    """The origin of a value that an environment variable gave."""
    return Origin(f"environment {variable}")


def shown(path: Path) -> str:
    """`path` as a person would type it: relative where it lies in the working directory, else whole."""
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
