"""A GGUF model's weights and vocabulary, through llama.cpp's C API.

Everything here reads what never changes after loading, so any thread may call it while the lane decodes (llama.cpp
needs no locks here). What changes, the memory of sequences, is in `context.py`. Knows nothing of chat templates,
sessions or time.
"""

import ctypes
import os
from collections import deque
from pathlib import Path
from typing import Any, Literal

# Otherwise a failed assertion in ggml starts gdb on this process, if it is installed, and hangs there.
os.environ.setdefault("GGML_NO_BACKTRACE", "1")

from llama_cpp import llama_cpp as lib

from voiceagent.engines.llm.llama.gguf_header import check_kind
from voiceagent.errors import VoiceAgentError

_WARN, _ERROR = 3, 4  # ggml_log_level
_COMPLAINTS: deque[str] = deque(maxlen=4)


def _keep_log(level: int, text: bytes, _user_data: object) -> None:
    """Keep warnings and errors for our own messages; drop llama.cpp's pages of information."""
    if level in (_WARN, _ERROR):
        _COMPLAINTS.append(text.decode("utf-8", "replace").strip())


# llama.cpp keeps the bare pointer: the module must keep the callback alive.
_LOG_CALLBACK: Any = lib.llama_log_callback(_keep_log)
lib.llama_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
lib.llama_backend_init()


LoadMode = Literal["auto", "mmap", "direct"]
"""How the weights are read: mapped into memory, or past the system's cache."""


def _load_mode(mode: LoadMode, gpu_layers: int) -> int:
    """Return llama.cpp's number of a mode.

    `auto` reads past the cache what goes to a GPU whole: it is read once, faster than page by page, and does not fill
    the memory that a GPU without its own shares with the cache (NVIDIA's known issue of GB10: allocations fail then).
    Other models stay mapped: several processes share them, and a second start is instant.
    """
    if mode == "mmap":
        return int(lib.LLAMA_LOAD_MODE_MMAP)
    whole = gpu_layers < 0
    return int(lib.LLAMA_LOAD_MODE_DIRECT_IO if mode == "direct" or whole else lib.LLAMA_LOAD_MODE_AUTO)


class LlamaError(VoiceAgentError):
    """llama.cpp refused a call; the message carries its return code and last complaint."""

    def __init__(self, what: str) -> None:
        detail = " / ".join(_COMPLAINTS)
        super().__init__(f"{what} (llama.cpp says: {detail})" if detail else what)


def forget_complaints() -> None:
    """Drop earlier complaints, so that the next error quotes only its own."""
    _COMPLAINTS.clear()


class LlamaModel:
    """Weights and vocabulary of one GGUF file, or its vocabulary alone.

    Raises VoiceAgentError if the file is missing, is not GGUF, is damaged, or has an unknown architecture.
    """

    def __init__(
        self, path: Path, *, gpu_layers: int = 0, vocabulary_only: bool = False, load_mode: LoadMode = "auto"
    ) -> None:
        check_kind(path)
        forget_complaints()
        params = lib.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        params.vocab_only = vocabulary_only
        params.load_mode = _load_mode(load_mode, gpu_layers)
        handle = lib.llama_model_load_from_file(os.fsencode(path), params)
        if not handle:
            raise LlamaError(
                f"The language model {path} cannot be loaded: it is damaged, or this llama.cpp does not know its "
                "kind. Check it with `voiceagent weights verify`, fetch it again with `voiceagent weights pull`"
            )
        self.path = path
        self.handle = handle
        self.vocabulary = lib.llama_model_get_vocab(handle)
        """llama.cpp's handle of the vocabulary."""
        self.n_vocab = lib.llama_vocab_n_tokens(self.vocabulary)
        self.trained_tokens = lib.llama_model_n_ctx_train(handle)
        self.rewindable = not (lib.llama_model_is_hybrid(handle) or lib.llama_model_is_recurrent(handle))
        """True if a sequence's tail can be removed: attention can be rewound, recurrent state cannot."""
        self.bos = self._text(lib.llama_vocab_bos(self.vocabulary))
        self.eos = self._text(lib.llama_vocab_eos(self.vocabulary))
        self.file_type = self._metadata("general.file_type")
        """llama.cpp's number for the type of most weights."""
        template = lib.llama_model_chat_template(handle, None)
        self.template = template.decode("utf-8", "replace") if template else ""
        """The chat template in Jinja, empty if the file has none."""

    def _metadata(self, key: str) -> str:
        buffer = ctypes.create_string_buffer(64)
        lib.llama_model_meta_val_str(self.handle, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace")

    def _text(self, token: int) -> str:
        return lib.llama_vocab_get_text(self.vocabulary, token).decode("utf-8", "replace") if token >= 0 else ""

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of `text`; special tokens written out in it become those tokens."""
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8  # a token takes at least a byte; a few vocabularies add a leading space
        buffer = (lib.llama_token * room)()
        count = lib.llama_tokenize(self.vocabulary, raw, len(raw), buffer, room, False, True)
        if count < 0:
            raise LlamaError(f"{len(raw)} bytes of text cannot be tokenized")
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token: maybe half a character. Control tokens are spelt out, for `reply_text`."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = lib.llama_token_to_piece(self.vocabulary, token, buffer, size, 0, True)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def is_end(self, token: int) -> bool:
        """Return whether this token ends the model's reply."""
        return bool(lib.llama_vocab_is_eog(self.vocabulary, token))

    def ends_words(self, token: int) -> bool:
        """Return whether this token ends a sentence or a message: what comes after words that are whole."""
        return self.is_end(token) or self.piece(token).strip()[:1] in (b".", b"?", b"!")

    def is_mark(self, token: int) -> bool:
        """Return whether this token is punctuation, or space, and no word."""
        piece = self.piece(token)
        return not self.is_control(token) and piece.isascii() and not any(chr(byte).isalnum() for byte in piece)

    def is_control(self, token: int) -> bool:
        """Return whether this token structures the conversation instead of being text."""
        return bool(lib.llama_vocab_is_control(self.vocabulary, token))

    def close(self) -> None:
        """Free the weights. The model must not be used afterwards."""
        lib.llama_model_free(self.handle)
