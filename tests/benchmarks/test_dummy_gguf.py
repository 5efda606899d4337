import math
import shutil
from collections import namedtuple
from pathlib import Path

import embedded
import pytest
from llama_talk import SYSTEM, Caller, loaded, reply, user

from benchmarks.dummies.files import gguf_file
from benchmarks.dummies.gguf_model import write
from benchmarks.dummies.gguf_shape import SHAPES, Kind, Weights
from voiceagent.engines.llm.llama.model import LlamaModel
from voiceagent.errors import VoiceAgentError


def test_the_true_hybrid_has_the_shape_of_nemotron_3_nano() -> None:
    tensors = list(SHAPES["hybrid", "true"].tensors(131_072))
    assert len(tensors) == 401
    assert round(sum(math.prod(tensor.shape) for tensor in tensors) / 1e9, 2) == 31.58
    assert {layer: SHAPES["hybrid", "true"].layers.count(layer) for layer in "ME*"} == {"M": 23, "E": 23, "*": 6}


def test_the_true_plain_one_has_the_shape_of_smollm2() -> None:
    shared = math.prod(next(SHAPES["plain", "true"].tensors(49_152)).shape)  # in the original also its output
    assert sum(math.prod(tensor.shape) for tensor in SHAPES["plain", "true"].tensors(49_152)) - shared == 134_515_008


@pytest.mark.parametrize(("kind", "rewindable"), [("plain", True), ("hybrid", False)])
@pytest.mark.parametrize("weights", ["f32", "q8_0", "q4_0"])
def test_a_dummy_talks_and_has_the_memory_of_its_kind(
    kind: Kind, rewindable: bool, weights: Weights, tmp_path: Path
) -> None:
    path = write(tmp_path / "dummy.gguf", kind, weights=weights)
    model = LlamaModel(path)
    assert model.rewindable is rewindable
    model.close()
    engine = loaded(path)
    said = reply(engine, Caller(engine), 1, SYSTEM, user("Hello?"))
    assert len(set(said)) > 2
    engine.close()


def test_a_seed_says_what_is_in_the_file(tmp_path: Path) -> None:
    def content(seed: int) -> bytes:
        return write(tmp_path / "dummy.gguf", "hybrid", weights="q8_0", seed=seed).read_bytes()

    assert content(1) == content(1) != content(2)


def test_quantised_weights_are_as_lively_as_exact_ones(tmp_path: Path) -> None:
    from gguf import GGUFReader, dequantize

    deviations = {}
    for weights in ("f32", "q8_0", "q4_0"):
        path = write(tmp_path / "dummy.gguf", "plain", weights=weights)
        tensors = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in GGUFReader(path).tensors}
        assert not tensors["output.weight"][94:].any(), "it says printable ASCII only"
        deviations[weights] = tensors["blk.1.ffn_up.weight"].std()
    assert max(deviations.values()) / min(deviations.values()) < 1.05, deviations


def test_a_tokenizer_can_be_copied(tmp_path: Path) -> None:
    original = write(tmp_path / "original.gguf", "plain")
    copy = write(tmp_path / "copy.gguf", "hybrid", tokenizer=original)
    one, other = LlamaModel(original), LlamaModel(copy)
    text = "<|im_start|>hello, shell<tool_call>"
    assert other.tokenize(text) == one.tokenize(text)
    assert other.n_vocab == 288, "padded to whole blocks"
    one.close()
    other.close()


def test_a_tokenizer_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = write(tmp_path / "other.gguf", **{"tokenizer.ggml.model": "llama"})
    with pytest.raises(VoiceAgentError, match="no byte-pair tokenizer"):
        write(tmp_path / "copy.gguf", tokenizer=other)


@pytest.mark.models
def test_with_the_embedded_models_tokenizer_a_dummy_reads_as_that_one(tmp_path: Path) -> None:
    smollm2 = embedded.model_file("smollm2-135m-instruct-q4_1", "SmolLM2-135M-Instruct.Q4_1.gguf")
    path = gguf_file("hybrid", "tiny", "q8_0", tokenizer=smollm2, folder=tmp_path)
    one, other = LlamaModel(smollm2), LlamaModel(path)
    for text in ("It's twenty past three, isn't it?", "Grüße, 你好 🦜", "x = 3.14  # pi"):
        assert [*map(one.piece, one.tokenize(text))] == [*map(other.piece, other.tokenize(text))]
    one.close()
    other.close()


def test_a_dummy_too_large_for_the_disk_is_refused_with_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 10**6))
    with pytest.raises(VoiceAgentError, match=r"smollm2-true-q8_0.*needs 1\d\d MB and .* has 1 MB free"):
        gguf_file("plain", "true", "q8_0", folder=tmp_path)
    assert not [*tmp_path.iterdir()]
