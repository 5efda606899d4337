"""How much memory a language model takes, reckoned from its file's header before anything is loaded.

Weights, KV cache and recurrent state are exact; what the computation takes in passing is an upper bound, found by
comparing with llama.cpp's own figures for SmolLM2 and for Nemotron-3-Nano's shape.
"""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llama_cpp import llama_cpp as lib
from llama_cpp._ggml import libggml

from voiceagent.engines.llm.gguf_header import read_header
from voiceagent.errors import VoiceAgentError

KvType = Literal["f16", "q8_0", "q4_0"]

BYTES: dict[KvType, float] = {"f16": 2, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""Of one value in the KV cache; the quantised types have a scale of two bytes for every 32."""
ACTIVATIONS = 24
"""Float32 vectors of the model's width that are alive at once for each token of a batch, at most."""
DEVICE_RUNTIME = 512 << 20
"""What a GPU's driver and libraries take for a process, beyond what llama.cpp asks for: an allowance."""
GPU = (1, 2)
"""ggml_backend_dev_type: a GPU with memory of its own, or one that shares the host's."""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes by purpose."""

    weights: int
    kv_cache: int
    recurrent_state: int
    compute: int
    layers: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.kv_cache + self.recurrent_state + self.compute

    def __str__(self) -> str:
        parts = (
            f"weights {gib(self.weights)}",
            f"KV cache {gib(self.kv_cache)}",
            f"recurrent state {gib(self.recurrent_state)}",
            f"compute {gib(self.compute)}",
        )
        return f"{gib(self.total)} ({', '.join(parts)})"


def gib(count: int) -> str:
    """Show bytes to people."""
    return f"{count / 2**30:.2f} GiB"


def memory_need(
    path: Path, *, context_tokens: int, sequences: int, batch_tokens: int, kv_type: KvType, flash_attention: bool
) -> MemoryNeed:
    """Reckon the memory of a model with a context. Raises VoiceAgentError for a file that is no sound GGUF."""
    meta = read_header(path)
    architecture = meta.get("general.architecture")

    def of(key: str, default: Any = 0) -> Any:
        return meta.get(f"{architecture}.{key}", default)

    layers, width, heads = of("block_count"), of("embedding_length"), _most(of("attention.head_count"))
    head = width // heads if heads else 0
    kv_heads = _per_layer(of("attention.head_count_kv", heads), layers)
    values = sum(kv_heads) * (of("attention.key_length", head) + of("attention.value_length", head))
    inner, state = of("ssm.inner_size"), of("ssm.state_size")
    # llama_hparams::n_embd_r and n_embd_s: the convolution's last inputs, and the state itself, in float32
    layer_state = 4 * (max(of("ssm.conv_kernel") - 1, 0) * (inner + 2 * of("ssm.group_count") * state) + inner * state)
    recurrent = _recurrent_layers(kv_heads, _per_layer(of("feed_forward_length"), layers)) if state else 0
    vocabulary = meta.get("tokenizer.ggml.tokens", 0)
    scores = 2 * context_tokens if flash_attention else 4 * context_tokens * (heads + 1)
    return MemoryNeed(
        weights=path.stat().st_size,
        kv_cache=int(context_tokens * values * BYTES[kv_type]),
        recurrent_state=sequences * recurrent * layer_state,
        compute=batch_tokens * (4 * width * ACTIVATIONS + scores) + sequences * (8 * vocabulary + layer_state),
        layers=layers,
    )


def check_fit(need: MemoryNeed, name: str, *, gpu_layers: int) -> None:
    """Raise VoiceAgentError, with numbers and what would help, when memory is too small or there can be no GPU.

    So many layers (-1: all) lie on the GPUs with their part of the context, the rest in the host's memory.
    """
    if gpu_layers and not lib.llama_supports_gpu_offload():
        raise VoiceAgentError(
            "This llama.cpp was compiled without support for a GPU: set llm.gpu_layers to 0, or compile it anew "
            '(CMAKE_ARGS="-DGGML_CUDA=on" pip install --force-reinstall --no-cache-dir llama-cpp-python).'
        )
    share = 1.0 if gpu_layers < 0 else min(1.0, gpu_layers / (need.layers + 1))  # the output counts as a layer
    moved = int(share * (need.total - need.compute))
    on_device = moved + need.compute + DEVICE_RUNTIME if moved else 0
    for wanted, free, where in ((on_device, free_on_gpus(), "GPU"), (need.total - moved, free_on_host(), "main")):
        if free is not None and wanted > free:
            remedy = "fewer of its layers there (llm.gpu_layers), " if where == "GPU" else ""
            raise VoiceAgentError(
                f"{name} needs {need}; that is {gib(wanted)} of {where} memory, and {gib(free)} are free. "
                f"What helps: {remedy}a smaller quantisation of the model, a smaller llm.context_tokens, fewer "
                "sessions (server.max_sessions), or llm.kv_type: q8_0."
            )


def free_on_host() -> int | None:
    """Return the bytes of main memory to be had without swapping; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


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


def _recurrent_layers(kv_heads: list[int], feed: list[int]) -> int:
    """Count the layers with a state: those without attention, or all where no layer is told apart."""
    if all(kv_heads):
        return len(kv_heads)
    mixers = 0 in feed and any(feed)  # then a layer is either a mixer or a feed-forward network
    return sum(heads == 0 and not (mixers and size) for heads, size in zip(kv_heads, feed, strict=False))


def _per_layer(value: int | list[int], layers: int) -> list[int]:
    return value if isinstance(value, list) else [value] * layers


def _most(value: int | list[int]) -> int:
    return max(value) if isinstance(value, list) else value
