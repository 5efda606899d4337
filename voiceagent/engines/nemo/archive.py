"""A `.nemo` file from outside: a tar archive, compressed or not, of a configuration, weights and small files.

The configuration shows in a moment what a checkpoint is, before gigabytes are read and NeMo is imported.
"""

import gzip
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from voiceagent.errors import VoiceAgentError

CONFIG, WEIGHTS = "model_config.yaml", "model_weights.ckpt"
BROKEN = (tarfile.TarError, EOFError, OSError, zlib.error)
LFS_POINTER = b"version https://git-lfs"


@dataclass(frozen=True, slots=True)
class Archive:
    """A checkpoint as its archive describes it."""

    path: Path
    config: dict[str, Any]
    weights_bytes: int
    """Size of the weights as stored, nearly always in float32."""

    @property
    def target(self) -> str:
        """The dotted name of NeMo's class for it."""
        return str(self.config.get("target", ""))

    @property
    def kind(self) -> str:
        """The class's own name, for people."""
        return self.target.rpartition(".")[2] or "no model that NeMo knows"

    def unpack(self, folder: Path) -> None:
        """Write its files into an empty folder. Raises VoiceAgentError if they are incomplete."""
        try:
            with tarfile.open(self.path) as archive:
                for member in archive:
                    target = (folder / member.name).resolve()
                    if member.isfile() and target.is_relative_to(folder.resolve()):
                        target.parent.mkdir(parents=True, exist_ok=True)
                        archive.makefile(member, target)
        except BROKEN as error:
            raise _damaged(self.path, error) from error


def read_archive(path: Path) -> Archive:
    """Read the description of a `.nemo` file. Raises VoiceAgentError if it is none, or ends too early."""
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "is not here"
        raise VoiceAgentError(f"{path} {found}: give the path of a .nemo file")
    with path.open("rb") as content:
        beginning = content.read(512)
    if beginning.startswith(LFS_POINTER):
        raise VoiceAgentError(f"{path} is only Git LFS's pointer to a checkpoint: run `git lfs pull` there")
    try:
        with tarfile.open(path) as archive:
            return _described(path, archive, whole=not isinstance(archive.fileobj, gzip.GzipFile))
    except BROKEN as error:
        if isinstance(error, tarfile.ReadError) and b"ustar" not in beginning and not beginning.startswith(b"\x1f\x8b"):
            raise VoiceAgentError(f"{path} is not a .nemo file, which would be a tar archive") from error
        raise _damaged(path, error) from error


def _described(path: Path, archive: tarfile.TarFile, *, whole: bool) -> Archive:
    """Scan the archive, only up to the weights if reading on would mean decompressing them."""
    config, weights_bytes = None, None
    for member in archive:
        name = member.name.removeprefix("./")
        if name == CONFIG and (content := archive.extractfile(member)):
            config = content.read()
        elif name == WEIGHTS:
            weights_bytes = member.size
        if config is not None and weights_bytes is not None and not whole:
            break
    if config is None or weights_bytes is None:
        missing = CONFIG if config is None else WEIGHTS
        raise VoiceAgentError(f"{path} is an archive without {missing}: it is not a checkpoint of NeMo's")
    try:
        parsed = yaml.safe_load(config)
    except yaml.YAMLError as error:
        raise VoiceAgentError(f"{path}: its {CONFIG} cannot be read: {error}") from error
    if not isinstance(parsed, dict):
        raise VoiceAgentError(f"{path}: its {CONFIG} holds no settings")
    return Archive(path, parsed, weights_bytes)


def _damaged(path: Path, error: Exception) -> VoiceAgentError:
    if isinstance(error, OSError) and error.strerror:  # not gzip's, which has no number
        return VoiceAgentError(f"{path} cannot be read: {error.strerror}")
    size = path.stat().st_size
    return VoiceAgentError(f"{path} is truncated or damaged ({error or 'it ends early'}; {size:,} bytes): get it again")
