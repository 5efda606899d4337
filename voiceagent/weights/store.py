"""Where the model files are on this machine, and whether they are the pinned ones.

A file is at `ROOT/MODEL/FILE`, or in the user's Hugging Face cache, where it is used in place: a link in the store
then points there. A stamp in the store records the size and time at which its hash was verified, so that asking
again costs one `stat`; a file that changed since is hashed again. Nothing here touches the network.
"""

import hashlib
import os
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from voiceagent.weights.disk import CHUNK_BYTES, ROOT_VARIABLE
from voiceagent.weights.errors import WeightsError
from voiceagent.weights.manifest import REPOSITORY, HubSource, Manifest, Model, ModelFile, load_manifest
from voiceagent.weights.progress import Advance


class FileState(StrEnum):
    """What is known about a file without reading it."""

    ABSENT = "absent"
    WRONG_SIZE = "damaged"
    UNVERIFIED = "not verified"
    UNPINNED = "no hash pinned"
    VERIFIED = "verified"


def default_root() -> Path:
    """Return `VOICEAGENT_WEIGHTS_DIR`, else `weights/` of the checkout, else the user's cache folder."""
    if chosen := os.environ.get(ROOT_VARIABLE):
        return Path(chosen).expanduser()
    if (REPOSITORY / "weights" / "manifest.toml").is_file():
        return REPOSITORY / "weights"
    caches = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or caches) / "voiceagent" / "weights"


class Store:
    """The model files below one folder."""

    def __init__(self, root: Path | str | None = None, manifest: Manifest | None = None) -> None:
        self.root = Path(root).expanduser() if root else default_root()
        self.manifest = manifest or load_manifest()
        self.downloads = self.root / ".downloads"

    def path(self, model: str, file: str) -> Path:
        """Return the path of a file that is there and is the pinned one. The first time, this reads the whole file.

        Raises WeightsError when it is absent, truncated or changed, with the command that fixes it.
        """
        pinned = self.manifest.model(model)
        entry = pinned.file(file)
        state = self.state(pinned, entry)
        if state is FileState.ABSENT:
            raise WeightsError(
                f"{self.locate(pinned, entry)} is not here: run `voiceagent weights pull {model}`"
                " (from a folder, without a network: add `--from DIR`)"
            )
        if state not in (FileState.VERIFIED, FileState.UNPINNED):
            self.verify(pinned, entry)
        return self.link(pinned, entry)

    def locate(self, model: Model, file: ModelFile) -> Path:
        """Return where the file is: in the store, else in the user's Hugging Face cache; or else where it belongs."""
        own = self.own(model, file)
        sources = [source for source in file.sources if isinstance(source, HubSource)]
        if own.is_file() or not sources:
            return own
        from voiceagent.weights.hub import cached  # loads the hub's library, which a full store never needs

        return next(filter(None, map(cached, sources)), own)

    def own(self, model: Model, file: ModelFile) -> Path:
        """Return the file's place in the store, there or not."""
        return self.root / model.name / file.name

    def link(self, model: Model, file: ModelFile) -> Path:
        """Make a file of the Hugging Face cache one of the store's, by a link, and return its path there."""
        own, found = self.own(model, file), self.locate(model, file)
        with suppress(OSError):  # a store that cannot be written to only costs another look into the cache next time
            if found != own:
                own.parent.mkdir(parents=True, exist_ok=True)
                if own.is_symlink():  # its target is gone
                    own.unlink()
                own.symlink_to(found)
        return own if own.is_file() else found

    def state(self, model: Model, file: ModelFile) -> FileState:
        """Return what is known without reading the file."""
        path = self.locate(model, file)
        if not path.is_file():
            return FileState.ABSENT
        if (file.exact and path.stat().st_size != file.size) or path.stat().st_size == 0:
            return FileState.WRONG_SIZE
        if file.sha256 is None:
            return FileState.UNPINNED
        try:
            stamped = self._stamp(model, file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return FileState.UNVERIFIED
        return FileState.VERIFIED if stamped == _fingerprint(path, file.sha256) else FileState.UNVERIFIED

    def verify(self, model: Model, file: ModelFile, advance: Advance | None = None) -> str:
        """Read the whole file and return its sha256. Raises WeightsError when it is not the pinned file."""
        path = self.locate(model, file)
        with suppress(OSError):  # no stamp, or a read-only store
            self._stamp(model, file).unlink()
        try:
            sha256 = check(path, file, advance)
        except WeightsError as error:
            raise WeightsError(f"{path} is damaged: {error}. Run `voiceagent weights pull {model.name}`") from error
        self._write_stamp(model, file, _fingerprint(path, sha256))
        return sha256

    def install(self, model: Model, file: ModelFile, temporary: Path, advance: Advance | None = None) -> None:
        """Move a finished file of this file system into place, if it is the pinned one.

        Raises WeightsError, and deletes the file, when it is not.
        """
        try:
            sha256 = check(temporary, file, advance)
        except WeightsError as error:
            temporary.unlink(missing_ok=True)
            raise WeightsError(f"it delivered a wrong file ({error}), which was deleted") from error
        with temporary.open("rb") as written:
            os.fsync(written.fileno())  # or a power cut could leave the name without the bytes
        path = self.own(model, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(path)
        self._write_stamp(model, file, _fingerprint(path, sha256))

    def _stamp(self, model: Model, file: ModelFile) -> Path:
        return self.root / model.name / f".{file.name}.verified"

    def _write_stamp(self, model: Model, file: ModelFile, fingerprint: str) -> None:
        stamp = self._stamp(model, file)
        temporary = stamp.with_name(f"{stamp.name}.{os.getpid()}")
        with suppress(OSError):  # a read-only store only costs hashing again next time
            stamp.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(fingerprint, encoding="ascii")
            temporary.replace(stamp)


def check(path: Path, file: ModelFile, advance: Advance | None = None) -> str:
    """Read a file and return its sha256. Raises WeightsError that says what differs from the pinned file."""
    try:
        size = path.stat().st_size
        if (file.exact and size != file.size) or size == 0:
            raise WeightsError(f"it has {size:,} bytes, not {file.size:,}")
        digest = hashlib.sha256()
        with path.open("rb") as content:
            while chunk := content.read(CHUNK_BYTES):
                digest.update(chunk)
                if advance:
                    advance(len(chunk))
    except OSError as error:
        raise WeightsError(f"it cannot be read ({error.strerror})") from error
    if file.sha256 not in (None, digest.hexdigest()):
        raise WeightsError(f"its sha256 is {digest.hexdigest()}, not {file.sha256}")
    return digest.hexdigest()


def _fingerprint(path: Path, sha256: str) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns} {sha256}"
