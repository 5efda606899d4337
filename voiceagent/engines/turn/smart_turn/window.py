"""Smart Turn that listens to less than 8 s: its time grows with what it hears, its judgement does not.

The model is fixed to 400 positions of 20 ms by three things in its file: the shape of its input, its position
embeddings, and the constant 400 in its reshapes. All three are shortened as the file is read; the last positions are
kept, at which the newest audio has always been. What the file says of the shapes in between is left out, as
onnxruntime finds them out. Field numbers are those of onnx.proto.
"""

from collections.abc import Iterator

import numpy as np

from voiceagent.errors import VoiceAgentError

POSITIONS = 400
POSITION_S = 0.02
FEATURES_A_POSITION = 2
POSITION_WEIGHTS = "embed_positions.weight"
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types of protobuf."""
INT64 = 7
"""The number of this type in `TensorProto.DataType`."""

Field = tuple[int, int, int | bytes]
"""Number, wire type, value."""


def shortened(model: bytes, positions: int) -> bytes:
    """Return a serialised Smart Turn whose input is (batch, 80, 2 * positions).

    Raises VoiceAgentError for a file in which one of the three is not found.
    """
    done: set[str] = set()
    short = b"".join(
        _field(number, wire, _graph(value, positions, done) if number == 7 and isinstance(value, bytes) else value)
        for number, wire, value in _fields(model)
    )
    if missing := {"input", "length", "embeddings"} - done:
        raise VoiceAgentError(
            f"This Smart Turn cannot listen to less than 8 s ({', '.join(sorted(missing))} not found): set "
            "turn.window_s to 8."
        )
    return short


def _graph(graph: bytes, positions: int, done: set[str]) -> bytes:
    kept = []
    for number, wire, value in _fields(graph):
        if number == 13:  # value_info
            continue
        if number == 11 and isinstance(value, bytes):
            value = _input(value, positions, done)
        elif number == 5 and isinstance(value, bytes):
            value = _tensor(value, positions, done)
        kept.append(_field(number, wire, value))
    return b"".join(kept)


def _input(value: bytes, positions: int, done: set[str]) -> bytes:
    """Change the dimension of 800, which is as long as the new one: both take two bytes."""
    before, after = (
        _field(1, BYTES, _field(1, VARINT, FEATURES_A_POSITION * count)) for count in (POSITIONS, positions)
    )
    if before in value:
        done.add("input")
    return value.replace(before, after)


def _tensor(tensor: bytes, positions: int, done: set[str]) -> bytes:
    fields = list(_fields(tensor))
    shape = [value for number, _, value in fields if number == 1]
    found = {number: value for number, _, value in fields}
    kind, name, raw = found.get(2), found.get(8, b""), found.get(9, b"")
    if not isinstance(name, bytes) or not isinstance(raw, bytes):
        return tensor
    if kind == INT64 and raw == POSITIONS.to_bytes(8, "little"):
        done.add("length")
        new = {9: positions.to_bytes(8, "little")}
    elif name.decode().endswith(POSITION_WEIGHTS) and shape[:1] == [POSITIONS]:
        done.add("embeddings")
        new = {9: np.frombuffer(raw, np.uint8).reshape(POSITIONS, -1)[-positions:].tobytes()}
        first = next(index for index, (number, _, _) in enumerate(fields) if number == 1)
        fields[first] = (1, VARINT, positions)
    else:
        return tensor
    return b"".join(_field(number, wire, new.get(number, value)) for number, wire, value in fields)


def _fields(message: bytes) -> Iterator[Field]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(message, at)
            yield number, wire, value
            continue
        if wire == BYTES:
            size, at = _varint(message, at)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise VoiceAgentError("The file is not an ONNX model. Check it: voiceagent weights verify")
        yield number, wire, message[at : at + size]
        at += size


def _field(number: int, wire: int, value: int | bytes) -> bytes:
    key = _as_varint(number << 3 | wire)
    if isinstance(value, int):
        return key + _as_varint(value)
    return key + (_as_varint(len(value)) if wire == BYTES else b"") + value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise VoiceAgentError("The file of the model ends too early. Check it: voiceagent weights verify")


def _as_varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
