"""Tiny language models with seeded random weights, written as GGUF files: real architectures, a real (byte) tokenizer.

`plain` is a transformer, whose memory can be rewound; `hybrid` is of the architecture of Nemotron-3-Nano
(`nemotron_h_moe`: Mamba-2, mixture of experts and attention layers), whose memory cannot. Weights are float32, so that
results hardly depend on how work is batched.
"""

from pathlib import Path
from typing import Any, Literal

import gguf_file
import numpy as np
from numpy.typing import NDArray

Kind = Literal["plain", "hybrid"]

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|im_start|>", "<|im_end|>", "<think>", "</think>"]
HIDDEN, HEADS, KV_HEADS, HEAD, FEED = 64, 4, 2, 16, 96
LAYERS = {"plain": "TT", "hybrid": "ME*"}
M_HEADS, M_HEAD, STATE, GROUPS, CONV = 4, 32, 16, 2, 4
EXPERTS, USED, EXPERT_FEED = 4, 2, 32


def write(path: Path, kind: Kind = "plain", *, seed: int = 0, template: str = CHATML, **overrides: Any) -> Path:
    """Write a model of about 400 kB. `overrides` replace or add metadata, `None` leaves a key out."""
    rng = np.random.default_rng(seed)
    words = vocabulary("he", "ll", "hell")
    arch = {"plain": "llama", "hybrid": "nemotron_h_moe"}[kind]
    meta: dict[str, Any] = {"general.architecture": arch}
    meta |= {f"{arch}.{key}": value for key, value in _shape(kind).items()}
    meta |= {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": words,
        "tokenizer.ggml.token_type": [1] * (len(words) - 4) + [3, 3, 4, 4],  # 3: control, 4: user-defined
        "tokenizer.ggml.merges": ["h e", "l l", "he ll"],
        "tokenizer.ggml.eos_token_id": words.index("<|im_end|>"),
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": template,
    }
    meta = {key: value for key, value in (meta | overrides).items() if value is not None}
    path.write_bytes(gguf_file.encode(meta, _tensors(kind, len(words), rng)))
    return path


def _shape(kind: Kind) -> dict[str, Any]:
    layers = LAYERS[kind]
    shape: dict[str, Any] = {
        "block_count": len(layers),
        "context_length": 4096,
        "embedding_length": HIDDEN,
        "attention.head_count": HEADS,
        "attention.layer_norm_rms_epsilon": 1e-5,
    }
    if kind == "plain":
        return shape | {"feed_forward_length": FEED, "attention.head_count_kv": KV_HEADS, "rope.dimension_count": HEAD}
    hybrid: dict[str, Any] = {
        "feed_forward_length": [EXPERT_FEED if layer == "E" else 0 for layer in layers],
        "attention.head_count_kv": [KV_HEADS if layer == "*" else 0 for layer in layers],
        "attention.key_length": HEAD,
        "attention.value_length": HEAD,
        "attention.layer_norm_epsilon": 1e-5,
        "ssm.conv_kernel": CONV,
        "ssm.state_size": STATE,
        "ssm.group_count": GROUPS,
        "ssm.inner_size": M_HEADS * M_HEAD,
        "ssm.time_step_rank": M_HEADS,
        "expert_count": EXPERTS,
        "expert_used_count": USED,
        "expert_group_count": 1,
        "expert_feed_forward_length": EXPERT_FEED,
        "expert_shared_feed_forward_length": EXPERT_FEED,
        "expert_shared_count": 1,
        "expert_weights_norm": True,
        "expert_weights_scale": 2.5,
    }
    return shape | hybrid


def _tensors(kind: Kind, vocabulary: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Return the weights in numpy's order of dimensions (the reverse of ggml's)."""

    def matrix(*shape: int, gain: float = 1.5) -> NDArray[np.float32]:
        return rng.normal(0, gain * shape[-1] ** -0.5, shape).astype(np.float32)

    def ones(*shape: int) -> NDArray[np.float32]:
        return np.ones(shape, np.float32)

    inner, mixed = M_HEADS * M_HEAD, M_HEADS * M_HEAD + 2 * GROUPS * STATE
    attention: dict[str, tuple[int, ...]] = {
        "attn_q.weight": (HEADS * HEAD, HIDDEN),
        "attn_k.weight": (KV_HEADS * HEAD, HIDDEN),
        "attn_v.weight": (KV_HEADS * HEAD, HIDDEN),
        "attn_output.weight": (HIDDEN, HEADS * HEAD),
    }
    gated: dict[str, tuple[int, ...]] = {
        "ffn_gate.weight": (FEED, HIDDEN),
        "ffn_up.weight": (FEED, HIDDEN),
        "ffn_down.weight": (HIDDEN, FEED),
    }
    experts: dict[str, tuple[int, ...]] = {
        "ffn_gate_inp.weight": (EXPERTS, HIDDEN),
        "ffn_up_exps.weight": (EXPERTS, EXPERT_FEED, HIDDEN),
        "ffn_down_exps.weight": (EXPERTS, HIDDEN, EXPERT_FEED),
        "ffn_up_shexp.weight": (EXPERT_FEED, HIDDEN),
        "ffn_down_shexp.weight": (HIDDEN, EXPERT_FEED),
    }
    mamba: dict[str, tuple[int, ...]] = {
        "ssm_in.weight": (2 * inner + 2 * GROUPS * STATE + M_HEADS, HIDDEN),
        "ssm_out.weight": (HIDDEN, inner),
    }
    matrices = {"T": attention | gated, "*": attention, "E": experts, "M": mamba}
    tensors = {"token_embd.weight": matrix(vocabulary, HIDDEN, gain=HIDDEN**0.5), "output_norm.weight": ones(HIDDEN)}
    for index, layer in enumerate(LAYERS[kind]):
        block = {"attn_norm.weight": ones(HIDDEN)} | {name: matrix(*shape) for name, shape in matrices[layer].items()}
        if layer == "T":
            block["ffn_norm.weight"] = ones(HIDDEN)
        if layer == "E":
            block["exp_probs_b.bias"] = np.zeros(EXPERTS, np.float32)
        if layer == "M":
            block |= {
                "ssm_conv1d.weight": matrix(mixed, CONV),
                "ssm_conv1d.bias": np.zeros(mixed, np.float32),
                "ssm_dt.bias": rng.uniform(-5, -2, M_HEADS).astype(np.float32),
                "ssm_a": -rng.uniform(1, 8, (M_HEADS, 1)).astype(np.float32),
                "ssm_d": ones(M_HEADS, 1),
                "ssm_norm.weight": ones(GROUPS, inner // GROUPS),
            }
        tensors |= {f"blk.{index}.{name}": value for name, value in block.items()}
    output = matrix(vocabulary, HIDDEN, gain=4)
    output[94:] = 0  # it says single ASCII characters only, and never ends by itself
    return tensors | {"output.weight": output}


def vocabulary(*merged: str) -> list[str]:
    """Return the tokens: GPT-2's printable stand-ins for the 256 bytes, three merged ones, the special ones."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return [*map(chr, plain), *(chr(256 + index) for index in range(len(others))), *merged, *SPECIAL]
