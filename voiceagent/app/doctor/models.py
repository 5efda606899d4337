"""The doctor's checks of model files: present, complete, and the pinned ones? No file is read in full."""

from collections.abc import Iterator
from pathlib import Path

from voiceagent.app.specs import model_files
from voiceagent.config.settings import Settings
from voiceagent.engines.finding import Finding, ok, problem, warning
from voiceagent.weights import FileState, Model, Store


def check_models(settings: Settings, store: Store) -> Iterator[Finding]:
    """Every model file that the settings need."""
    names = model_files(settings)
    if not names:
        yield ok("models", "these settings need no files")
    for name in names:
        if name in store.manifest.models:
            yield _pinned(store, store.manifest.models[name])
        elif name.endswith((".gguf", ".nemo")):
            path = Path(name).expanduser()
            if path.is_file():
                yield ok("models", f"{path}: {path.stat().st_size / 1e6:,.1f} MB, no hash pinned")
            else:
                yield problem("models", f"{path} is not here", "give the path of a file that is")
        elif "@" in name:
            yield warning("models", f"{name} is on a hub: it is fetched when the agent first starts")
        else:
            yield problem("models", f"there is no model {name}", "`voiceagent weights list` shows which there are")


def _pinned(store: Store, model: Model) -> Finding:
    states = [store.state(model, file) for file in model.files]
    worst = next(state for state in FileState if state in states)
    size = f"{model.size / 1e6:,.1f} MB"
    missing = f"run `voiceagent weights pull {model.name}`"
    match worst:
        case FileState.ABSENT:
            here = len(states) - states.count(FileState.ABSENT)
            return problem("models", f"{model.name}: {here} of {len(states)} files are here ({size})", missing)
        case FileState.WRONG_SIZE:
            return problem("models", f"{model.name}: damaged, not {size}", missing)
        case FileState.UNVERIFIED:
            first = f"`voiceagent weights verify {model.name}` does it now; otherwise the agent does when it starts"
            return warning("models", f"{model.name}: {size}, its hash is not verified", first)
        case FileState.UNPINNED | FileState.VERIFIED:
            return ok("models", f"{model.name}: {size}, {worst}")
