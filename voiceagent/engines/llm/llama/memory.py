"""Whether a language model fits into free memory, checked before it is loaded."""

import ctypes

from llama_cpp import llama_cpp as lib
from llama_cpp._ggml import libggml

from voiceagent.engines.llm.llama.gguf_memory import MemoryNeed, gib
from voiceagent.engines.machine import free_main_memory
from voiceagent.engines.memory import DEVICE_RUNTIME
from voiceagent.errors import VoiceAgentError

GPU = (1, 2)
"""ggml_backend_dev_type: a GPU with its own memory, or one that shares the host's."""


def check_fit(need: MemoryNeed, name: str, *, gpu_layers: int) -> None:
    """Raise VoiceAgentError, with numbers and remedies, if memory is too small or llama.cpp has no GPU support.

    `gpu_layers` layers (-1: all) are on the GPUs with their part of the context, the rest in the host's memory.
    """
    if gpu_layers and not lib.llama_supports_gpu_offload():
        raise VoiceAgentError(
            "This llama.cpp was compiled without GPU support: set llm.gpu_layers to 0, or recompile it "
            '(CMAKE_ARGS="-DGGML_CUDA=on" pip install --force-reinstall --no-cache-dir llama-cpp-python).'
        )
    on_gpus, in_main = need.split(gpu_layers)
    on_device = on_gpus.total + DEVICE_RUNTIME if on_gpus.total else 0
    for wanted, free, where in ((on_device, free_on_gpus(), "GPU"), (in_main.total, free_main_memory(), "main")):
        if free is not None and wanted > free:
            remedy = "fewer of its layers there (llm.gpu_layers), " if where == "GPU" else ""
            raise VoiceAgentError(
                f"{name} needs {need}; that is {gib(wanted)} of {where} memory, and {gib(free)} are free. "
                f"Remedies: {remedy}a smaller quantisation of the model, a smaller llm.session_tokens, fewer "
                "sessions (server.max_sessions), or llm.kv_type: q8_0."
            )


def free_on_gpus() -> int:
    """Return the free bytes of all GPUs that llama.cpp can use."""
    libggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    libggml.ggml_backend_dev_get.restype = ctypes.c_void_p
    total = 0
    for index in range(libggml.ggml_backend_dev_count()):
        device = ctypes.c_void_p(libggml.ggml_backend_dev_get(ctypes.c_size_t(index)))
        if libggml.ggml_backend_dev_type(device) in GPU:
            free, whole = ctypes.c_size_t(), ctypes.c_size_t()
            libggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(whole))
            total += free.value
    return total
