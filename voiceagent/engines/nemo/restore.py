"""A model from a checkpoint, without the side effects of NeMo's own `restore_from` on a process with other work to do.

NeMo's changes the working directory of all threads while it loads, and holds the weights in memory twice. Here the
weights are mapped from the unpacked file, whose pages the system can evict.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from time import perf_counter
from typing import Any

from voiceagent.engines.nemo.archive import WEIGHTS, Archive
from voiceagent.engines.nemo.runtime import Collection, import_nemo, quiet
from voiceagent.errors import VoiceAgentError
from voiceagent.weights.disk import require_space

log = logging.getLogger(__name__)

_lock = threading.Lock()
"""NeMo keeps the location of the files of the model being restored in one global place."""


@contextmanager
def phase(what: str) -> Iterator[None]:
    """Log that a phase of loading begins, and how long it took."""
    log.info("%s", what)
    began = perf_counter()
    yield
    log.info("%s: done after %.1f s", what, perf_counter() - began)


def restore(archive: Archive, collection: Collection, config: dict[str, Any] | None = None) -> Any:
    """Return the checkpoint's model in evaluation mode on the CPU, in float32.

    `config` replaces the archive's configuration. Every weight must be in the file. Raises VoiceAgentError.
    """
    name = archive.path.name
    with phase(f"importing NeMo for {name}"):
        import_nemo(collection)
    require_space(Path(gettempdir()), archive.weights_bytes, f"unpacking {name}")
    with phase(f"reading {name}"), _lock, quiet(), TemporaryDirectory(prefix="voiceagent-nemo-") as folder:
        archive.unpack(Path(folder))
        model = _build(archive, config or archive.config, folder)
        _fill(model, archive, Path(folder) / WEIGHTS)
        return model.eval()


def _build(archive: Archive, config: dict[str, Any], folder: str) -> Any:
    from nemo.core import ModelPT
    from nemo.utils.app_state import AppState
    from omegaconf import OmegaConf

    module, _, name = archive.target.rpartition(".")
    if not module.startswith("nemo.collections."):
        raise VoiceAgentError(f"{archive.path} is for {archive.target or 'no class at all'}, none of NeMo's models")
    AppState().model_restore_path = str(archive.path.resolve())
    ModelPT._set_model_restore_state(is_being_restored=True, folder=folder)
    try:
        return getattr(import_module(module), name)(cfg=OmegaConf.create(config))
    except Exception as error:  # a constructor may raise anything for an unexpected configuration
        raise VoiceAgentError(
            f"NeMo cannot build the {name} that {archive.path} describes ({type(error).__name__}: {error}):"
            " the checkpoint may be for another version of NeMo"
        ) from error
    finally:
        ModelPT._set_model_restore_state(is_being_restored=False)


def _fill(model: Any, archive: Archive, weights: Path) -> None:
    import torch

    try:
        model.load_state_dict(torch.load(weights, map_location="cpu", mmap=True, weights_only=True))
    except Exception as error:  # torch: RuntimeError, pickle's errors, EOFError and more
        reason = str(error).strip().splitlines()
        raise VoiceAgentError(
            f"The weights in {archive.path} are damaged or do not match its configuration:"
            f" {' '.join(line.strip() for line in reason[:2])}"
        ) from error
