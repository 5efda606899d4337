"""Which file a `model` setting means: a name in the manifest, a path, or a Hugging Face repository at a revision."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Manifest, Model, ModelFile, Store
from voiceagent.weights.manifest import HubSource
from voiceagent.weights.progress import Advance

log = logging.getLogger(__name__)

SUFFIX = ".nemo"
_REFERENCE = re.compile(r"(?P<owner>[a-z0-9][\w.-]*)/(?P<name>[a-z0-9][\w.-]*)(@(?P<revision>[\w.-]+))?", re.I | re.A)
BRANCHES = ("main", "master")
"""Branches move from day to day; a commit or a tag stays."""


def find_checkpoint(model: str, store: Store) -> Path:
    """Return the path of the `.nemo` file, after fetching it if it is on the hub and not here yet.

    Raises VoiceAgentError (WeightsError for files and the network) that says what `model` may be.
    """
    if model.endswith(SUFFIX):
        return Path(model).expanduser()
    if model in store.manifest.models:
        names = [file.name for file in store.manifest.model(model).files if file.name.endswith(SUFFIX)]
        if names:
            return store.path(model, names[0])
    elif found := _REFERENCE.fullmatch(model):
        return _from_hub(found["owner"], found["name"], found["revision"], store)
    known = ", ".join(name for name, entry in store.manifest.models.items() if _is_nemo(entry))
    raise VoiceAgentError(
        f"`model: {model}` names no checkpoint of NeMo's: give one of {known}, the path of a .nemo file, or"
        " org/name@revision on Hugging Face"
    )


def _is_nemo(model: Model) -> bool:
    return any(file.name.endswith(SUFFIX) for file in model.files)


def _from_hub(owner: str, name: str, revision: str | None, store: Store) -> Path:
    if revision is None or revision in BRANCHES:
        raise VoiceAgentError(
            f"`model: {owner}/{name}` needs a revision that stays what it is: write {owner}/{name}@COMMIT, with the"
            " commit (40 digits) or a tag from the repository's history"
        )
    from voiceagent.weights.pull import pull  # imports the hub's library, which a path or a pulled model never needs

    source = HubSource(repo=f"{owner}/{name}", revision=revision, path=f"{name}{SUFFIX}")
    file = ModelFile(name=source.path, size=1, exact=False, sha256=None, sources=(source,))
    title = f"{owner}--{name}--{revision}"
    entry = Model(name=title, role="asr", engine="nemo", licence="unknown", files=(file,))
    shelf = Store(store.root, Manifest(models={title: entry}))
    pull(shelf, [title], reporter=_Logged())
    return shelf.path(title, file.name)


class _Logged:
    """Logs a download's progress, one line per tenth."""

    def say(self, line: str) -> None:
        log.info(line)

    @contextmanager
    def bar(self, label: str, done: int, total: int | None) -> Iterator[Advance]:
        arrived, logged = done, 0

        def advance(count: int) -> None:
            nonlocal arrived, logged
            arrived += count
            tenths = 10 * arrived // total if total else 0
            if tenths > logged:
                logged = tenths
                log.info("%s: %d %% of %s MB", label, 10 * tenths, f"{(total or 0) / 1e6:,.0f}")

        yield advance
