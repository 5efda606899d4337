"""Language models with seeded random weights, written as GGUF files that load like any other.

Their text is noise; their speed, memory and arithmetic are those of the real model. Needs the package `gguf`.
Writing needs no more memory than the largest tensor.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.dummies.gguf_shape import SHAPES, Kind, Size, Tensor, Weights
from voiceagent.errors import VoiceAgentError
from voiceagent.weights.disk import require_space

try:
    from gguf import GGMLQuantizationType, GGUFWriter

    from benchmarks.dummies.gguf_tokenizer import byte_tokenizer, copied_tokenizer
except ImportError as missing:
    raise VoiceAgentError("Dummy language models need the gguf package: pip install gguf") from missing

BLOCK = 32
"""Values that share a scale in ggml's quantised formats."""
PIECE = 1 << 24
"""Values made at a time."""
BYTES_Q8 = np.array([0 if byte == 0x80 else byte for byte in range(256)], np.uint8)
BYTES_Q4 = np.array([byte | (not byte & 0x0F) * 0x08 | (not byte & 0xF0) * 0x80 for byte in range(256)], np.uint8)
"""Random bytes become these: the lowest number, which has no opposite, becomes 0, or the mean would drown the rest."""
GAIN: dict[str, float] = {"matrix": 1.5, "output": 4.0}
"""Standard deviations, times the square root of what is summed up: lively enough that greedy replies vary."""


def write(
    path: Path,
    kind: Kind = "plain",
    *,
    size: Size = "tiny",
    weights: Weights = "f32",
    tokenizer: Path | None = None,
    template: str | None = None,
    seed: int = 0,
    **overrides: Any,
) -> Path:
    """Write a model, and return its path. `overrides` replace or add metadata, `None` leaves a key out.

    `tokenizer` is a GGUF file to copy the tokenizer from; without it a token is a byte. The tiny models in float32
    have 400 kB, and their results hardly depend on how work is batched. Raises VoiceAgentError when it does not fit.
    """
    shape = SHAPES[kind, size]
    words = byte_tokenizer(shape.vocabulary) if tokenizer is None else copied_tokenizer(tokenizer, shape.vocabulary)
    meta: dict[str, Any] = shape.metadata() | words.metadata
    if template is not None:
        meta["tokenizer.chat_template"] = template
    meta |= overrides
    tensors = list(shape.tensors(len(words.metadata["tokenizer.ggml.tokens"])))
    require_space(path.parent, sum(_stored(tensor, weights)[1] for tensor in tensors), f"writing {path.name}")
    with closing(GGUFWriter(path, meta.pop("general.architecture"))) as writer:
        for key, value in meta.items():
            _add(writer, key, value)
        for tensor in tensors:
            stored, size_bytes = _stored(tensor, weights)
            raw = None if stored == GGMLQuantizationType.F32 else stored
            writer.add_tensor_info(tensor.name, tensor.shape, np.dtype(np.float32), size_bytes, raw_dtype=raw)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        rng = np.random.default_rng(seed)
        for tensor in tensors:
            writer.write_tensor_data(_data(tensor, _stored(tensor, weights)[0], words.said, rng))
    return path


def _add(writer: GGUFWriter, key: str, value: Any) -> None:
    match value:
        case None:
            return
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value)
        case float():
            writer.add_float32(key, value)
        case str():
            writer.add_string(key, value)
        case _:
            writer.add_array(key, value)


def _stored(tensor: Tensor, weights: Weights) -> tuple[GGMLQuantizationType, int]:
    """Return the type a tensor is stored as, and its bytes."""
    count = int(np.prod(tensor.shape))
    if tensor.exact or weights == "f32" or tensor.shape[-1] % BLOCK:
        return GGMLQuantizationType.F32, 4 * count
    if weights == "q8_0":
        return GGMLQuantizationType.Q8_0, count // BLOCK * (2 + BLOCK)
    return GGMLQuantizationType.Q4_0, count // BLOCK * (2 + BLOCK // 2)


def _data(tensor: Tensor, stored: GGMLQuantizationType, said: int, rng: np.random.Generator) -> NDArray[Any]:
    if stored == GGMLQuantizationType.F32:
        values = _values(tensor, rng)
        if tensor.fill == "output":
            values[said:] = 0
        return values
    # Random integers with one scale: like weights, and a hundred times faster to make than quantising some.
    width, table, spread = (
        (BLOCK, BYTES_Q8, 73.47) if stored == GGMLQuantizationType.Q8_0 else (BLOCK // 2, BYTES_Q4, 4.18)
    )
    count = int(np.prod(tensor.shape)) // BLOCK
    blocks = np.empty((count, 2 + width), np.uint8)
    for begin in range(0, count, PIECE // BLOCK):
        piece = blocks[begin : begin + PIECE // BLOCK, 2:]
        piece[:] = table[np.frombuffer(rng.bytes(piece.size), np.uint8)].reshape(piece.shape)
    blocks[:, :2] = np.frombuffer(np.float16(_deviation(tensor) / spread).tobytes(), np.uint8)
    if tensor.fill == "output":
        blocks[said * tensor.shape[-1] // BLOCK :, :2] = 0
    return blocks.reshape(*tensor.shape[:-1], -1)


def _values(tensor: Tensor, rng: np.random.Generator) -> NDArray[np.float32]:
    match tensor.fill:
        case "ones":
            return np.ones(tensor.shape, np.float32)
        case "zeros":
            return np.zeros(tensor.shape, np.float32)
        case "dt":
            return rng.uniform(-5, -2, tensor.shape).astype(np.float32)
        case "decay":
            return -rng.uniform(1, 8, tensor.shape).astype(np.float32)
    return np.asarray(rng.normal(0, _deviation(tensor), tensor.shape), np.float32)


def _deviation(tensor: Tensor) -> float:
    return 1.0 if tensor.fill == "embedding" else GAIN[tensor.fill] * float(tensor.shape[-1]) ** -0.5
