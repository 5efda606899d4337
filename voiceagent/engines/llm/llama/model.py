"""A GGUF model's weights and vocabulary, through llama.cpp's C API.

Everything here reads what never changes after loading, so any thread may call it while the lane decodes
(llama.cpp guards nothing here because there is nothing to guard). What changes, the memory of sequences,
is `llama_context.LlamaContext`. Knows nothing of chat templates, sessions or time.
"""

import ctypes
import os
from collections import deque
from pathlib import Path
from typing import Any

# A failed assertion in ggml would otherwise start gdb on this process when it is installed, and hang in it.
os.environ.setdefault("GGML_NO_BACKTRACE", "1")

from llama_cpp import llama_cpp as lib

from voiceagent.engines.llm.llama.gguf_header import check_kind
from voiceagent.errors import VoiceAgentError

_WARN, _ERROR = 3, 4  # ggml_log_level
_COMPLAINTS: deque[str] = deque(maxlen=4)


def _keep_log(level: int, text: bytes, _user_data: object) -> None:
    """Keep warnings and errors for our own messages; llama.cpp's pages of information go nowhere."""
    if level in (_WARN, _ERROR):
        _COMPLAINTS.append(text.decode("utf-8", "replace").strip())


# llama.cpp keeps the bare pointer: the module must keep the callback alive.
_LOG_CALLBACK: Any = lib.llama_log_callback(_keep_log)
lib.llama_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
lib.llama_backend_init()


SHOWN_TAGS = ("<think>", "</think>", "<tool_call>", "</tool_call>")
"""Vocabularies disagree on whether these are control tokens, whose text would not be shown at all."""


class LlamaError(VoiceAgentError):
    """llama.cpp refused a call; the message carries its return code and last complaint."""

    def __init__(self, what: str) -> None:
        detail = " / ".join(_COMPLAINTS)
        super().__init__(f"{what} (llama.cpp says: {detail})" if detail else what)


def forget_complaints() -> None:
    """Start afresh, so that the next error quotes only what belongs to it."""
    _COMPLAINTS.clear()


class LlamaModel:
    """Weights and vocabulary of one GGUF file, or its vocabulary alone.

    Raises VoiceAgentError when the file is missing, is not GGUF, is damaged, or of an unknown architecture.
    """

    def __init__(self, path: Path, *, gpu_layers: int = 0, vocabulary_only: bool = False) -> None:
        check_kind(path)
        forget_complaints()
        params = lib.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        params.vocab_only = vocabulary_only
        handle = lib.llama_model_load_from_file(os.fsencode(path), params)
        if not handle:
            raise LlamaError(
                f"The language model {path} cannot be loaded: damaged, or of a kind this llama.cpp does not "
                "know. Check it with `voiceagent weights verify`, fetch it again with `voiceagent weights pull`"
            )
        self.path = path
        self.handle = handle
        self.vocabulary = lib.llama_model_get_vocab(handle)
        """llama.cpp's handle of it."""
        self.n_vocab = lib.llama_vocab_n_tokens(self.vocabulary)
        self.trained_tokens = lib.llama_model_n_ctx_train(handle)
        self.rewindable = not (lib.llama_model_is_hybrid(handle) or lib.llama_model_is_recurrent(handle))
        """True when a sequence's tail may be removed: attention can be rewound, recurrent state cannot."""
        self.bos = self._text(lib.llama_vocab_bos(self.vocabulary))
        self.eos = self._text(lib.llama_vocab_eos(self.vocabulary))
        self.file_type = self._metadata("general.file_type")
        """What most weights are stored as, as llama.cpp's number for it."""
        template = lib.llama_model_chat_template(handle, None)
        self.template = template.decode("utf-8", "replace") if template else ""
        """The chat template in Jinja, empty where the file has none."""
        self._shown = {ids[0] for tag in SHOWN_TAGS if len(ids := self.tokenize(tag)) == 1}

    def _metadata(self, key: str) -> str:
        buffer = ctypes.create_string_buffer(64)
        lib.llama_model_meta_val_str(self.handle, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace")

    def _text(self, token: int) -> str:
        return lib.llama_vocab_get_text(self.vocabulary, token).decode("utf-8", "replace") if token >= 0 else ""

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of `text`; special tokens written out in it become what they name."""
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8  # a token takes a byte or more; a few vocabularies add a space in front
        buffer = (lib.llama_token * room)()
        count = lib.llama_tokenize(self.vocabulary, raw, len(raw), buffer, room, False, True)
        if count < 0:
            raise LlamaError(f"{len(raw)} bytes of text cannot be tokenized")
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        """Return the bytes a token stands for: maybe half a character, nothing for a control token."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = lib.llama_token_to_piece(self.vocabulary, token, buffer, size, 0, token in self._shown)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def is_end(self, token: int) -> bool:
        """Say whether the model means by this token that it has finished."""
        return bool(lib.llama_vocab_is_eog(self.vocabulary, token))

    def is_control(self, token: int) -> bool:
        """Say whether this token structures the conversation instead of being said."""
        return bool(lib.llama_vocab_is_control(self.vocabulary, token))

    def close(self) -> None:
        """Free the weights. Nothing of this model may be used afterwards."""
        lib.llama_model_free(self.handle)
