"""Dummy checkpoints as files, which the product loads by path like any other. Each is written once and then reused.

The name of a file says what is in it. Where no folder is given they are in `.dummies` next to the model files, and stay
there: of the true shape a recogniser takes 2.5 GB, a voice with its codec 1.6 GB, and a language model like
Nemotron-3-Nano 34 GB (q8_0) or 18 GB (q4_0). The other modules define their contents.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.dummies.gguf_shape import Kind, Size, Weights
from voiceagent.engines.llm.llama.spec import LlamaSettings
from voiceagent.weights import Store
from voiceagent.weights.disk import require_space

log = logging.getLogger(__name__)

REVISION = 1
"""Increased when the same request makes a different file."""
LIKE: dict[Kind, str] = {"plain": "smollm2", "hybrid": "nemotron-nano"}
"""The models whose shapes the language models have."""


def nemotron_file(
    size: Size = "tiny", *, multilingual: bool = False, seed: int = 0, folder: Path | None = None
) -> Path:
    """Return the `.nemo` file of a recogniser like Nemotron Speech. Raises VoiceAgentError when it does not fit."""

    def write(path: Path) -> None:
        from voiceagent.engines.nemo.dummies.nemotron import dummy_asr

        _save(dummy_asr(size, multilingual=multilingual, seed=seed), path)

    language = "multilingual" if multilingual else "english"
    return _once(folder, f"nemotron-{size}-{language}-{seed}-{REVISION}.nemo", write)


def magpie_files(
    size: Size = "tiny", *, stacking: int = 2, seed: int = 0, folder: Path | None = None
) -> tuple[Path, Path]:
    """Return the `.nemo` files of a voice like Magpie TTS, with 1 or 2 frames a step, and of its codec.

    As in NVIDIA's checkpoints, the voice's file only names the codec. Raises VoiceAgentError when they do not fit.
    """

    def write_codec(path: Path) -> None:
        from voiceagent.engines.nemo.dummies.magpie import dummy_codec

        _save(dummy_codec(size, seed=seed), path)

    def write_model(path: Path) -> None:
        from voiceagent.engines.nemo.dummies.magpie import magpie_with

        _save(magpie_with(codec, size, stacking=stacking, seed=seed), path)

    codec = _once(folder, f"codec-{size}-{seed}-{REVISION}.nemo", write_codec)
    return _once(folder, f"magpie-{size}-stacking{stacking}-{seed}-{REVISION}.nemo", write_model), codec


def gguf_file(
    kind: Kind,
    size: Size = "tiny",
    weights: Weights = "f32",
    *,
    tokenizer: Path | None = None,
    seed: int = 0,
    folder: Path | None = None,
) -> Path:
    """Return the GGUF file of a language model. Raises VoiceAgentError when it does not fit, or gguf is not installed.

    It has the tokenizer of the GGUF file `tokenizer`, or reads single bytes.
    """

    def write_model(path: Path) -> None:
        from benchmarks.dummies.gguf_model import write

        write(path, kind, size=size, weights=weights, tokenizer=tokenizer, seed=seed)

    reads = "bytes" if tokenizer is None else tokenizer.stem
    return _once(folder, f"{LIKE[kind]}-{size}-{weights}-{reads}-{seed}-{REVISION}.gguf", write_model)


def embedded_model() -> Path | None:
    """Return the file of the embedded language model, whose tokenizer a dummy can have; None where it is not here."""
    store = Store()
    model = store.manifest.model(LlamaSettings().model)
    path = store.locate(model, model.files[0])
    return path if path.is_file() else None


def _once(folder: Path | None, name: str, write: Callable[[Path], None]) -> Path:
    """Return the file of that name, after writing it if it is not there. An unfinished one never has the name."""
    path = (Store().root / ".dummies" if folder is None else folder) / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{os.getpid()}-{name}")
        log.info("writing %s", path)
        try:
            write(unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    return path


def _save(model: Any, path: Path) -> None:
    """Save a model of NeMo's, which it does by way of the folder for temporary files."""
    from voiceagent.engines.nemo.runtime import quiet

    weights_bytes = sum(weights.nbytes for weights in model.parameters())
    require_space(path.parent, 2 * weights_bytes, f"writing {path.name}")
    with quiet():
        model.save_to(str(path))
