"""Writing large files: free space is checked first, and the system's errors become advice."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from voiceagent.weights.errors import DiskFullError, WeightsError
from voiceagent.weights.progress import Advance

ROOT_VARIABLE = "VOICEAGENT_WEIGHTS_DIR"
CHUNK_BYTES = 1 << 20


def require_space(folder: Path, needed: int, what: str) -> None:
    """Raises DiskFullError when `needed` bytes do not fit on the disk that holds `folder`."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DiskFullError(
            f"{what} needs {needed / 1e6:,.0f} MB and {folder} has {free / 1e6:,.0f} MB free:"
            f" make room, or set {ROOT_VARIABLE} to a folder on a larger disk"
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's errors while `path` is written into ones that say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"the disk that holds {path.parent} is full: make room and run the same command again;"
                " what has arrived is kept"
            ) from error
        raise WeightsError(
            f"cannot write {path} ({error.strerror}): set {ROOT_VARIABLE} to a folder you may write to"
        ) from error


def copy(content: IO[bytes], target: Path, size: int, advance: Advance | None = None) -> None:
    """Write the `size` bytes of `content` to `target`. Raises DiskFullError or WeightsError."""
    require_space(target.parent, size, target.name)
    with writing(target), target.open("wb") as out:
        while chunk := content.read(CHUNK_BYTES):
            out.write(chunk)
            if advance:
                advance(len(chunk))
