"""The doctor's advice on the language model, for machines that are not here."""

from pathlib import Path

import pytest

from voiceagent.app.doctor.better_model import ON_CPU, ON_GPU, better_model
from voiceagent.app.settings import load_settings
from voiceagent.engines.llm.llama.speed import MEMORY_BYTES_PER_S, cpu_speed
from voiceagent.engines.steps import Talk
from voiceagent.scheduler.memory import Free
from voiceagent.weights import load_manifest

GIB = 1 << 30


def advice(folder: Path, cores: int, free: Free, config: str = "cpu.yaml", *sets: str) -> list[tuple[str, str]]:
    """Return what is said of a machine with no model files: text and command."""
    settings = load_settings(config, [f"weights.dir={folder}", *sets], {}).settings
    return [(finding.text, finding.remedy) for finding in better_model(settings, cores, free)]


@pytest.mark.parametrize(
    ("cores", "free", "model", "serve"),
    [
        (2, Free(int(3.3 * GIB)), "qwen2.5-0.5b-instruct-q8_0", "--config qwen-small.yaml"),
        (4, Free(7 * GIB), "qwen2.5-0.5b-instruct-q8_0", "--config qwen-small.yaml --set llm.threads=2"),
        (8, Free(14 * GIB), "qwen2.5-1.5b-instruct-q4_k_m", "--config qwen.yaml"),
        (16, Free(60 * GIB), "qwen2.5-1.5b-instruct-q4_k_m", "--config qwen.yaml --set llm.threads=8"),
        (8, Free(14 * GIB, 7 * GIB), "nemotron-3-nano-4b-q8_0", "--config laptop.yaml --set llm.gpu_layers=-1"),
        (16, Free(60 * GIB, 31 * GIB), "nemotron-3-nano-30b-a3b-q4_k_m", "--config rtx5090.yaml"),
        (20, Free(115 * GIB, None, shared=True), "nemotron-3-nano-30b-a3b-q8_0", "--config spark.yaml"),
    ],
    ids=["2 cores", "4 cores", "8 cores", "16 cores", "a small GPU", "RTX 5090", "DGX Spark"],
)
def test_the_best_model_that_a_machine_carries_is_named(
    tmp_path: Path, cores: int, free: Free, model: str, serve: str
) -> None:
    ((text, command),) = advice(tmp_path, cores, free)
    assert text.startswith(f"a better language model fits this machine: {model} (")
    pull, _, serving = command.partition(" && ")
    assert model in pull.removeprefix("voiceagent weights pull ").split()
    assert serving == f"voiceagent serve {serve}"


def test_a_machine_with_little_memory_keeps_the_small_model(tmp_path: Path) -> None:
    assert advice(tmp_path, 8, Free(GIB // 2)) == []
    ((text, _),) = advice(tmp_path, 8, Free(int(1.9 * GIB)))
    assert "qwen2.5-0.5b" in text


def test_who_has_the_best_one_already_or_another_is_told_nothing(tmp_path: Path) -> None:
    assert advice(tmp_path, 8, Free(14 * GIB), "qwen.yaml") == []
    assert advice(tmp_path, 8, Free(14 * GIB), "laptop.yaml") == []
    assert advice(tmp_path, 8, Free(14 * GIB), "cpu.yaml", "llm.model=own.gguf") == []
    assert advice(tmp_path, 8, Free(14 * GIB), "scripted.yaml") == []
    assert len(advice(tmp_path, 8, Free(14 * GIB), "qwen-small.yaml")) == 1


def test_what_is_here_is_not_fetched_again(tmp_path: Path) -> None:
    model = load_manifest().model("qwen2.5-1.5b-instruct-q4_k_m")
    (tmp_path / model.name).mkdir()
    (tmp_path / model.name / model.files[0].name).write_bytes(b"GGUF")
    ((_, command),) = advice(tmp_path, 8, Free(14 * GIB))
    assert model.name not in command


def test_the_configurations_stand_in_the_order_of_their_models() -> None:
    manifest = load_manifest()
    for names in (ON_GPU, ON_CPU):
        models = [manifest.model(load_settings(name, [], {}).settings.llm.model) for name in names]
        assert [model.size for model in models] == sorted((model.size for model in models), reverse=True)
    assert all(manifest.model(load_settings(name, [], {}).settings.llm.model).parameters for name in ON_CPU)


def test_the_better_models_for_a_cpu_are_pinned_and_under_a_permissive_licence() -> None:
    for name in ("qwen.yaml", "qwen-small.yaml"):
        model = load_manifest().model(load_settings(name, [], {}).settings.llm.model)
        assert model.licence == "Apache-2.0"
        assert all(file.exact and file.sha256 for file in model.files)


def test_the_estimate_gives_back_what_it_was_made_from_and_never_outruns_the_memory() -> None:
    smollm2 = load_manifest().model("smollm2-135m-instruct-q4_1")
    assert smollm2.parameters
    one = cpu_speed(smollm2.parameters, smollm2.size, 1)
    assert 24 / one.prompt_tokens_per_s == pytest.approx(0.074, rel=0.01)
    assert 1 / one.reply_tokens_per_s == pytest.approx(0.0085, rel=0.01)
    assert one.first_words_s(Talk(prompt_tokens=24, first_segment_tokens=10)) == pytest.approx(0.159, rel=0.01)
    many = cpu_speed(4_000_000_000, 4_230_000_000, 64)
    assert many.reply_tokens_per_s == pytest.approx(MEMORY_BYTES_PER_S / 4.23e9)
