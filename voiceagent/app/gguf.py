"""The file of the language model that the settings name, and what lies beside it."""

from pathlib import Path

from voiceagent.config.settings import LLM
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store

COPIES = ".copies"
"""Folder, beside the model files, of models converted to what this machine's CPU reads fastest."""


def gguf_path(llm: LLM, store: Store) -> Path:
    """Return the file of the language model."""
    return Path(llm.model).expanduser() if llm.model.endswith(".gguf") else only_file(store, llm.model)


def only_file(store: Store, model: str) -> Path:
    """Return the file of a model that has one."""
    return store.path(model, store.manifest.model(model).files[0].name)


def read_grammar(path: Path) -> str:
    """Read a grammar. Raises VoiceAgentError when it cannot be."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VoiceAgentError(f"The grammar {path} of llm.grammar cannot be read: {error}") from error
