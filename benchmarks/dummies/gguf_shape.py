"""The shapes of dummy language models: metadata and tensors, true to the real ones or tiny.

Two architectures, one for each kind of memory: `plain` is a transformer (`llama`; true: SmolLM2-135M), whose memory can
be rewound; `hybrid` is `nemotron_h_moe` (true: Nemotron-3-Nano-30B-A3B), whose Mamba layers cannot. Knows nothing of
files and tokenizers. Names and dimensions are those that llama.cpp reads (`src/models/nemotron-h-moe.cpp`), the true
values those of the models' configurations.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["plain", "hybrid"]
Size = Literal["true", "tiny"]
Weights = Literal["f32", "q8_0", "q4_0"]
"""What matrices are stored as."""
Fill = Literal["matrix", "embedding", "output", "ones", "zeros", "dt", "decay"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor to be generated; `shape` is in numpy's order of dimensions, the reverse of ggml's."""

    name: str
    shape: tuple[int, ...]
    fill: Fill = "matrix"
    exact: bool = False
    """It stays float32 where other weights are quantised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One model's dimensions. `layers` has a letter each: T(ransformer block), M(amba), E(xperts), * (attention)."""

    architecture: str
    layers: str
    hidden: int
    heads: int
    kv_heads: int
    head: int
    feed: int = 0
    vocabulary: int = 0
    """The least number of tokens; a shorter tokenizer is padded."""
    context: int = 4096
    mamba_heads: int = 0
    mamba_head: int = 0
    state: int = 0
    groups: int = 0
    kernel: int = 4
    experts: int = 0
    experts_used: int = 0
    expert_feed: int = 0
    shared_feed: int = 0

    @property
    def inner(self) -> int:
        """Width of a Mamba layer."""
        return self.mamba_heads * self.mamba_head

    def metadata(self) -> dict[str, Any]:
        """Return the keys by which llama.cpp knows the architecture and its dimensions."""
        keys = {
            "block_count": len(self.layers),
            "context_length": self.context,
            "embedding_length": self.hidden,
            "attention.head_count": self.heads,
            "attention.key_length": self.head,
            "attention.value_length": self.head,
            "attention.layer_norm_rms_epsilon": 1e-5,
        }
        keys |= self._transformer() if set(self.layers) == {"T"} else self._hybrid()
        return {"general.architecture": self.architecture} | {f"{self.architecture}.{key}": keys[key] for key in keys}

    def tensors(self, vocabulary: int) -> Iterator[Tensor]:
        """Yield every tensor, for `vocabulary` tokens."""
        yield Tensor("token_embd.weight", (vocabulary, self.hidden), "embedding")
        for index, layer in enumerate(self.layers):
            for tensor in self._block(layer):
                yield Tensor(f"blk.{index}.{tensor.name}", tensor.shape, tensor.fill, tensor.exact)
        yield Tensor("output_norm.weight", (self.hidden,), "ones", exact=True)
        yield Tensor("output.weight", (vocabulary, self.hidden), "output")

    def _transformer(self) -> dict[str, Any]:
        return {
            "feed_forward_length": self.feed,
            "attention.head_count_kv": self.kv_heads,
            "rope.dimension_count": self.head,
        }

    def _hybrid(self) -> dict[str, Any]:
        # llama.cpp derives the kind of a layer from these two lists.
        return {
            "feed_forward_length": [self.expert_feed if layer == "E" else 0 for layer in self.layers],
            "attention.head_count_kv": [self.kv_heads if layer == "*" else 0 for layer in self.layers],
            "attention.layer_norm_epsilon": 1e-5,
            "ssm.conv_kernel": self.kernel,
            "ssm.state_size": self.state,
            "ssm.group_count": self.groups,
            "ssm.inner_size": self.inner,
            "ssm.time_step_rank": self.mamba_heads,
            "expert_count": self.experts,
            "expert_used_count": self.experts_used,
            "expert_group_count": 1,
            "expert_feed_forward_length": self.expert_feed,
            "expert_shared_feed_forward_length": self.shared_feed,
            "expert_shared_count": 1,
            "expert_weights_norm": True,
            "expert_weights_scale": 2.5,
        }

    def _block(self, layer: str) -> Iterator[Tensor]:
        yield Tensor("attn_norm.weight", (self.hidden,), "ones", exact=True)
        match layer:
            case "T":
                yield from self._attention()
                yield Tensor("ffn_norm.weight", (self.hidden,), "ones", exact=True)
                yield Tensor("ffn_gate.weight", (self.feed, self.hidden))
                yield Tensor("ffn_up.weight", (self.feed, self.hidden))
                yield Tensor("ffn_down.weight", (self.hidden, self.feed))
            case "*":
                yield from self._attention()
            case "E":
                yield from self._mixture()
            case _:
                yield from self._mamba()

    def _attention(self) -> Iterator[Tensor]:
        yield Tensor("attn_q.weight", (self.heads * self.head, self.hidden))
        yield Tensor("attn_k.weight", (self.kv_heads * self.head, self.hidden))
        yield Tensor("attn_v.weight", (self.kv_heads * self.head, self.hidden))
        yield Tensor("attn_output.weight", (self.hidden, self.heads * self.head))

    def _mixture(self) -> Iterator[Tensor]:
        yield Tensor("ffn_gate_inp.weight", (self.experts, self.hidden), exact=True)
        yield Tensor("exp_probs_b.bias", (self.experts,), "zeros", exact=True)
        yield Tensor("ffn_up_exps.weight", (self.experts, self.expert_feed, self.hidden))
        yield Tensor("ffn_down_exps.weight", (self.experts, self.hidden, self.expert_feed))
        yield Tensor("ffn_up_shexp.weight", (self.shared_feed, self.hidden))
        yield Tensor("ffn_down_shexp.weight", (self.hidden, self.shared_feed))

    def _mamba(self) -> Iterator[Tensor]:
        mixed = self.inner + 2 * self.groups * self.state
        yield Tensor("ssm_in.weight", (self.inner + mixed + self.mamba_heads, self.hidden))
        yield Tensor("ssm_conv1d.weight", (mixed, self.kernel), exact=True)
        yield Tensor("ssm_conv1d.bias", (mixed,), "zeros", exact=True)
        yield Tensor("ssm_dt.bias", (self.mamba_heads,), "dt", exact=True)
        yield Tensor("ssm_a", (self.mamba_heads, 1), "decay", exact=True)
        yield Tensor("ssm_d", (self.mamba_heads, 1), "ones", exact=True)
        yield Tensor("ssm_norm.weight", (self.groups, self.inner // self.groups), "ones", exact=True)
        yield Tensor("ssm_out.weight", (self.hidden, self.inner))


SHAPES: dict[tuple[Kind, Size], Shape] = {
    ("plain", "tiny"): Shape(architecture="llama", layers="TT", hidden=64, heads=4, kv_heads=2, head=16, feed=96),
    ("plain", "true"): Shape(
        architecture="llama", layers="T" * 30, hidden=576, heads=9, kv_heads=3, head=64, feed=1536, context=8192
    ),
    ("hybrid", "tiny"): Shape(
        architecture="nemotron_h_moe",
        layers="ME*",
        hidden=64,
        heads=4,
        kv_heads=2,
        head=16,
        mamba_heads=4,
        mamba_head=32,
        state=16,
        groups=2,
        experts=4,
        experts_used=2,
        expert_feed=32,
        shared_feed=32,
    ),
    ("hybrid", "true"): Shape(
        architecture="nemotron_h_moe",
        layers="MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME",
        hidden=2688,
        heads=32,
        kv_heads=2,
        head=128,
        vocabulary=131_072,
        context=1 << 20,
        mamba_heads=64,
        mamba_head=64,
        state=128,
        groups=8,
        experts=128,
        experts_used=6,
        expert_feed=1856,
        shared_feed=3712,
    ),
}
