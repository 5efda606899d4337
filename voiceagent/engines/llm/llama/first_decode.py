"""A decode of a few tokens by a model of zeros: it runs the kernels that a real model's weights are multiplied with.

That a library loads says little. Its fastest kernels (AMX tiles, repacked weights) run only on quantised weights, which
llama.cpp rearranges while it loads them, and some only on several tokens at once.
"""

import os
import struct
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

WIDTH = 256
"""Of every matrix; kernels want a multiple of what shares a scale (32), some of a superblock (256)."""
PROMPT_TOKENS = 8
"""More than one, which has kernels of its own; below 32, from which a GPU would be asked."""
UINT32, FLOAT32, STRING = 4, 6, 8  # gguf_metadata_value_type
F32, Q8_0 = 0, 8  # ggml_type
BYTES = {F32: (1, 4), Q8_0: (32, 34)}
"""Values of a block, and its bytes."""
ALIGNMENT = 32

METADATA: dict[str, str | int | float] = {
    "general.architecture": "llama",
    "llama.block_count": 1,
    "llama.context_length": 64,
    "llama.embedding_length": WIDTH,
    "llama.feed_forward_length": WIDTH,
    "llama.attention.head_count": 4,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.vocab_size": WIDTH,
    "tokenizer.ggml.model": "no_vocab",
}
MATRICES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


def decode() -> None:
    """Load the model of zeros and compute a prompt and a token. Raises RuntimeError when llama.cpp refuses."""
    from llama_cpp import llama_cpp as lib

    lib.llama_backend_init()
    model_params, params = lib.llama_model_default_params(), lib.llama_context_default_params()
    model_params.n_gpu_layers = 0
    params.n_ctx = params.n_batch = params.n_ubatch = 64
    params.n_threads = params.n_threads_batch = 1
    params.offload_kqv = params.op_offload = False
    with TemporaryDirectory() as folder:
        path = Path(folder) / "zeros.gguf"
        path.write_bytes(model_of_zeros())
        model = lib.llama_model_load_from_file(os.fsencode(path), model_params)
        context = model and lib.llama_init_from_model(model, params)
        if not context:
            raise RuntimeError("it does not load a model")
        for count in (PROMPT_TOKENS, 1):
            tokens = (lib.llama_token * count)()  # the batch keeps its bare pointer
            if code := lib.llama_decode(context, lib.llama_batch_get_one(tokens, count)):
                raise RuntimeError(f"llama_decode returns {code}")
        lib.llama_free(context)
        lib.llama_model_free(model)


def model_of_zeros() -> bytes:
    """Return a transformer of one layer in Q8_0 as a GGUF file."""
    norms = {f"{name}.weight": ((WIDTH,), F32) for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm")}
    names = ("token_embd.weight", "output.weight", *(f"blk.0.{name}.weight" for name in MATRICES))
    tensors = norms | dict.fromkeys(names, ((WIDTH, WIDTH), Q8_0))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(METADATA))
    head += b"".join(_text(key) + _value(value) for key, value in METADATA.items())
    offset = 0
    for name, (shape, kind) in tensors.items():
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        block, size = BYTES[kind]
        offset += prod(shape) // block * size  # both sizes of tensors here are multiples of the alignment
    return head + bytes(-len(head) % ALIGNMENT + offset)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode("ascii")


def _value(value: str | int | float) -> bytes:
    match value:
        case str():
            return struct.pack("<I", STRING) + _text(value)
        case int():
            return struct.pack("<II", UINT32, value)
        case _:
            return struct.pack("<If", FLOAT32, value)
