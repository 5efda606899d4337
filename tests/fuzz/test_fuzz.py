"""Everything that reads what others wrote takes any bytes: it reads them, or says what is wrong with them."""

import json
import struct
from random import Random

import pytest

from fuzz import targets
from fuzz.mutate import mutated
from fuzz.seeds import SEEDS, _gguf
from fuzz.targets import TARGETS


def test_every_target_has_inputs_that_are_right():
    assert set(TARGETS) == set(SEEDS)
    for name, seeds in SEEDS.items():
        assert any(TARGETS[name](seed) is not None for seed in seeds), name


@pytest.mark.exhaustive(quick=60, full=2_000)
@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_changed_in_a_right_input_it_is_read_or_refused(name, size):
    for number in range(size):
        data = mutated(SEEDS[name], Random(f"{name} {number}"))
        try:
            TARGETS[name](data)
        except Exception as error:
            raise AssertionError(f"{name} {number}: {data[:300]!r}") from error


def test_a_reader_that_raises_is_noticed(monkeypatch):
    """What a reader is not to raise reaches the run: no target hides it."""
    for name, reader in {"sdp": "Offer", "rtvi": "parse_rtvi", "gguf": "memory_need", "twilio": "parse_twilio"}.items():

        def broken(*_, **__):
            raise KeyError("broken")

        monkeypatch.setattr(targets, reader, broken)
        with pytest.raises(KeyError, match="broken"):
            TARGETS[name](SEEDS[name][0])


# What fuzzing has found


def test_a_model_file_whose_vocabulary_ends_beyond_all_memory_is_damaged():
    begin = _gguf().index(b"tokenizer.ggml.tokens") + len(b"tokenizer.ggml.tokens") + 16
    data = bytearray(_gguf())
    data[begin : begin + 8] = struct.pack("<Q", 2**64 - 1)
    assert targets.gguf(bytes(data)) is None


@pytest.mark.parametrize("layers", [2**32 - 1, 0])
def test_a_model_file_with_more_layers_than_any_model_takes_no_memory_for_them(layers):
    data = _gguf().replace(b"block_count" + struct.pack("<II", 4, 4), b"block_count" + struct.pack("<II", 4, layers))
    assert data != _gguf()
    assert targets.gguf(data) is not None


@pytest.mark.parametrize("kind", [6, 7, 8])
def test_a_model_file_whose_sizes_are_no_numbers_is_damaged(kind):
    """A float, a truth, a text."""
    value = {6: struct.pack("<f", 1.5), 7: b"\x01", 8: struct.pack("<Q", 1) + b"x"}[kind]
    was = b"embedding_length" + struct.pack("<II", 4, 4)
    data = _gguf().replace(was, b"embedding_length" + struct.pack("<I", kind) + value)
    assert targets.gguf(data) is None


@pytest.mark.parametrize("kinds", [[{}], {"a": 1}, 7, None, [["string"]]])
@pytest.mark.parametrize("choices", [7, "x", {"a": 1}, [7]])
def test_a_schema_of_a_tool_may_have_anything_where_a_type_should_be(kinds, choices):
    schema = {"properties": {"n": {"type": kinds, "anyOf": choices, "oneOf": choices}}}
    given = json.dumps({"schema": schema, "arguments": {"n": "3"}}).encode()
    assert targets.tool_arguments(given) == {"n": "3"}
