"""Where a model's files are and how large they are, for specs: a name in the weights manifest, or a path."""

from pathlib import Path

from voiceagent.errors import VoiceAgentError
from voiceagent.weights import FileState, Store


def only_file(store: Store, model: str) -> Path:
    """Return the only file of a model. Raises VoiceAgentError if it is not on this machine."""
    return store.path(model, store.manifest.model(model).files[0].name)


def file_of(store: Store, model: str) -> Path:
    """Return where the only file of a model is, or would be: a path, or a name in the manifest."""
    if model not in store.manifest.models and Path(model).suffix:
        return Path(model).expanduser()
    entry = store.manifest.model(model)
    return store.locate(entry, entry.files[0])


def size_of(store: Store, model: str) -> int:
    """Return the bytes of a model's files: as found on this machine, or else as in the manifest.

    Raises VoiceAgentError for a path without a file.
    """
    if model not in store.manifest.models:
        path = Path(model).expanduser()
        if not path.is_file():
            raise VoiceAgentError(f"{model} is not here")
        return path.stat().st_size
    entry = store.manifest.models[model]
    return sum(
        file.size if store.state(entry, file) is FileState.ABSENT else store.locate(entry, file).stat().st_size
        for file in entry.files
    )
