"""The file of the language model that the settings name, and what lies beside it."""

from pathlib import Path

from voiceagent.config.settings import LLM
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store

COPIES = ".copies"
"""Folder, beside the model files, of models converted to what this machine's CPU reads fastest."""
DUMMIES = ".dummies"
"""Folder, beside the model files, of made-up models."""


def gguf_path(llm: LLM, store: Store) -> Path:
    """Return the file of the language model; a dummy is written the first time.

    A dummy of a Nemotron-3-Nano has the shape of the 30B one, that of any other model the shape of SmolLM2, both with
    the embedded model's tokenizer; tiny ones read bytes. Weights have 8 bits, or 4 where the model's name says `q4`.
    """
    if llm.load_format == "checkpoint":
        return Path(llm.model).expanduser() if llm.model.endswith(".gguf") else only_file(store, llm.model)
    from voiceagent.engines.llm.dummy_gguf import Weights, dummy_model
    from voiceagent.engines.llm.dummy_shape import Kind

    kind: Kind = "hybrid" if "nemotron" in llm.model.lower() else "plain"
    if llm.load_format == "dummy_tiny":
        return dummy_model(store.root / DUMMIES, kind, "tiny", "f32")
    weights: Weights = "q4_0" if "q4" in llm.model.lower() else "q8_0"
    return dummy_model(store.root / DUMMIES, kind, "true", weights, only_file(store, LLM().model))


def only_file(store: Store, model: str) -> Path:
    """Return the file of a model that has one."""
    return store.path(model, store.manifest.model(model).files[0].name)


def read_grammar(path: Path) -> str:
    """Read a grammar. Raises VoiceAgentError when it cannot be."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VoiceAgentError(f"The grammar {path} of llm.grammar cannot be read: {error}") from error
