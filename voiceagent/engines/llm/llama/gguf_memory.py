"""How much memory a language model takes, computed from its file's header before anything is loaded.

Weights, KV cache and recurrent state are exact; the computation's temporary memory is an upper bound, found by
comparison with llama.cpp's own figures for SmolLM2 and for Nemotron-3-Nano's shape. Needs no llama.cpp itself.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from voiceagent.engines.llm.llama.gguf_header import read_header
from voiceagent.errors import VoiceAgentError

KvType = Literal["f16", "q8_0", "q4_0"]

BYTES: dict[KvType, float] = {"f16": 2, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""Per value in the KV cache; the quantised types have a scale of two bytes for every 32 values."""
MOST_LAYERS = 10_000
"""Beyond any model's; a damaged file may say anything."""
ACTIVATIONS = 24
"""Float32 vectors of the model's width alive at once per token of a batch, at most."""


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
        """The sum."""
        return self.weights + self.kv_cache + self.recurrent_state + self.compute

    def split(self, gpu_layers: int) -> tuple["MemoryNeed", "MemoryNeed"]:
        """Return what is needed on the GPUs and what in main memory, with `gpu_layers` on the GPUs (-1: all).

        The computation takes its memory wherever there are layers.
        """
        share = 1.0 if gpu_layers < 0 else min(1.0, gpu_layers / (self.layers + 1))  # the output counts as a layer
        on_gpus = replace(
            self,
            weights=int(share * self.weights),
            kv_cache=int(share * self.kv_cache),
            recurrent_state=int(share * self.recurrent_state),
            compute=self.compute if share else 0,
        )
        in_main = replace(
            self,
            weights=self.weights - on_gpus.weights,
            kv_cache=self.kv_cache - on_gpus.kv_cache,
            recurrent_state=self.recurrent_state - on_gpus.recurrent_state,
            compute=self.compute if share < 1 else 0,
        )
        return on_gpus, in_main

    def __str__(self) -> str:
        parts = (
            f"weights {gib(self.weights)}",
            f"KV cache {gib(self.kv_cache)}",
            f"recurrent state {gib(self.recurrent_state)}",
            f"compute {gib(self.compute)}",
        )
        return f"{gib(self.total)} ({', '.join(parts)})"


def gib(count: int) -> str:
    """Return a number of bytes as text."""
    return f"{count / 2**30:.2f} GiB"


def memory_need(
    path: Path, *, context_tokens: int, sequences: int, batch_tokens: int, kv_type: KvType, flash_attention: bool
) -> MemoryNeed:
    """Return the memory of a model with a context. Raises VoiceAgentError for a file that is no valid GGUF."""
    meta = read_header(path)
    architecture = meta.get("general.architecture")

    def of(key: str, default: Any = 0) -> Any:
        value = meta.get(f"{architecture}.{key}", default)
        if not all(_is_size(one) for one in (value if isinstance(value, list) else [value])):
            raise VoiceAgentError(
                f"The language model {path} cannot be loaded: it is damaged ({key} is no size). "
                "Check it with `voiceagent weights verify`, fetch it again with `voiceagent weights pull`."
            )
        return value

    layers, width = min(_most(of("block_count")), MOST_LAYERS), _most(of("embedding_length"))
    heads = _most(of("attention.head_count"))
    head = width // heads if heads else 0
    kv_heads = _per_layer(of("attention.head_count_kv", heads), layers)
    values = sum(kv_heads) * (_most(of("attention.key_length", head)) + _most(of("attention.value_length", head)))
    inner, state, groups = (_most(of(f"ssm.{name}")) for name in ("inner_size", "state_size", "group_count"))
    # llama_hparams::n_embd_r and n_embd_s: the convolution's last inputs and the state itself, in float32
    layer_state = 4 * (max(_most(of("ssm.conv_kernel")) - 1, 0) * (inner + 2 * groups * state) + inner * state)
    recurrent = _recurrent_layers(kv_heads, _per_layer(of("feed_forward_length"), layers)) if state else 0
    words = meta.get("tokenizer.ggml.tokens", 0)
    vocabulary = words if _is_size(words) else 0
    scores = 2 * context_tokens if flash_attention else 4 * context_tokens * (heads + 1)
    return MemoryNeed(
        weights=path.stat().st_size,
        kv_cache=int(context_tokens * values * BYTES[kv_type]),
        recurrent_state=sequences * recurrent * layer_state,
        compute=batch_tokens * (4 * width * ACTIVATIONS + scores) + sequences * (8 * vocabulary + layer_state),
        layers=layers,
    )


def _recurrent_layers(kv_heads: list[int], feed: list[int]) -> int:
    """Return the number of layers with a state: those without attention, or all if the header does not distinguish."""
    if all(kv_heads):
        return len(kv_heads)
    mixers = 0 in feed and any(feed)  # then a layer is either a mixer or a feed-forward network
    return sum(heads == 0 and not (mixers and size) for heads, size in zip(kv_heads, feed, strict=False))


def _per_layer(value: int | list[int], layers: int) -> list[int]:
    return value if isinstance(value, list) else [value] * layers


def _most(value: int | list[int]) -> int:
    return max(value, default=0) if isinstance(value, list) else value


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32
