"""From settings to a plan, and to what would make it fit. Machines are made of numbers."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from llama_talk import tiny

from benchmarks.dummies.gguf_model import write
from voiceagent.app.capacity import memory_plan as planning
from voiceagent.app.capacity.memory_plan import (
    free_memory,
    memory_plan,
    remedy,
    require_room,
    torch_limit,
    with_change,
)
from voiceagent.app.settings import load_settings
from voiceagent.config.settings import Settings
from voiceagent.engines.llm.llama.engine import LlamaEngine
from voiceagent.engines.machine import Gpu
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.memory import GIB, MIB, Free, MemoryUse, Place
from voiceagent.weights import Store

PLENTY = Free(500 * GIB, 500 * GIB)


def settings(*sets: str, config: str = "scripted.yaml") -> Settings:
    return load_settings(config, sets).settings


def at(these: Settings, root: Path | None) -> Settings:
    """Return the settings with the models in another folder."""
    return with_change(these, {"weights.dir": root})


def needs(these: Settings, free: Free = PLENTY, root: Path | None = None) -> dict[tuple[str, str], MemoryUse]:
    plan = memory_plan(at(these, root), free)
    assert plan.unknown == ()
    return {(need.engine, "gpu" if need.place is Place.GPU else "main"): need for need in plan.needs}


def llama(path: Path, *sets: str) -> Settings:
    return settings("llm.engine=llama", f"llm.model={path}", *sets)


def test_scripts_need_the_process_alone() -> None:
    assert list(needs(settings())) == [("process", "main")]


def test_the_embedded_models_need_less_than_a_gibibyte_of_main_memory() -> None:
    found = needs(settings(config="cpu.yaml"))
    assert {engine for engine, _ in found} == {"process", "asr", "llm", "tts", "vad", "turn"}
    assert {place for _, place in found} == {"main"}
    assert sum(need.total for need in found.values()) < GIB


def test_a_model_that_is_not_here_counts_as_large_as_the_manifest_says(tmp_path: Path) -> None:
    model = "nemotron-3-nano-30b-a3b-q4_k_m"
    found = needs(llama(Path(model), "llm.gpu_layers=-1"), root=tmp_path)
    assert found["llm", "gpu"].weights == Store().manifest.model(model).size
    assert "weights alone" in found["llm", "gpu"].model


@pytest.mark.parametrize("kind", ["plain", "hybrid"])
def test_a_language_model_needs_what_its_engine_finds(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny(tmp_path, kind)
    found = needs(llama(path, "server.max_sessions=3", "server.speech_streams=2"))["llm", "main"]
    asked = []
    monkeypatch.setattr(
        "voiceagent.engines.llm.llama.engine.check_fit", lambda need, name, gpu_layers: asked.append(need)
    )
    LlamaEngine(path, max_streams=3 + 2)._check_memory()
    assert found.weights == asked[0].weights
    assert found.caches == asked[0].kv_cache + asked[0].recurrent_state
    assert found.workspace == asked[0].compute


@pytest.fixture
def nemotron(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return files with Nemotron-3-Nano's header and the size that the manifest gives a model; no disk is filled."""
    monkeypatch.setattr("benchmarks.dummies.gguf_model._stored", lambda tensor, weights: (0, 0))
    monkeypatch.setattr("benchmarks.dummies.gguf_model._data", lambda *given: b"")
    monkeypatch.setattr("gguf.GGUFWriter.write_tensor_data", lambda *given: None)

    def of(model: str) -> Path:
        path = write(tmp_path / f"{model}.gguf", "hybrid", size="true")
        os.truncate(path, Store().manifest.model(model).size)
        return path

    return of


def test_the_spark_keeps_nemotron_3_nano_in_8_bits_and_room_for_four_callers(
    nemotron: Callable[[str], Path], tmp_path: Path
) -> None:
    path = nemotron("nemotron-3-nano-30b-a3b-q8_0")
    these = settings(f"llm.model={path}", config="spark.yaml")
    need = needs(these, root=tmp_path)["llm", "gpu"]
    assert need.weights == path.stat().st_size
    assert need.caches == pytest.approx(49_152 * 6_144 + 19 * 47.62 * MIB, rel=1e-3)
    assert need.per_session == pytest.approx(8_192 * 6_144 + 3 * 47.62 * MIB, rel=1e-3)
    assert need.workspace < 1.5 * GIB
    assert memory_plan(at(these, tmp_path), Free(119 * GIB, None, shared=True)).fits


def test_an_rtx_5090_keeps_it_in_4_bits_with_a_kv_cache_of_8(nemotron: Callable[[str], Path], tmp_path: Path) -> None:
    these = settings(f"llm.model={nemotron('nemotron-3-nano-30b-a3b-q4_k_m')}", config="rtx5090.yaml")
    need = needs(these, root=tmp_path)["llm", "gpu"]
    assert need.caches == pytest.approx(24_576 * 6_144 * 17 / 32 + 19 * 47.62 * MIB, rel=1e-3)
    plan = memory_plan(at(these, tmp_path), Free(60 * GIB, 31 * GIB))
    assert plan.fits, plan.table()
    eight_bits = settings(f"llm.model={nemotron('nemotron-3-nano-30b-a3b-q8_0')}", config="rtx5090.yaml")
    assert not memory_plan(at(eight_bits, tmp_path), Free(60 * GIB, 31 * GIB)).fits


def test_a_laptop_of_8_gib_holds_the_small_nemotron(tmp_path: Path) -> None:
    these = settings(config="laptop.yaml")
    need = needs(these, root=tmp_path)["llm", "main"]
    assert 3.9 * GIB < need.weights < 4.3 * GIB
    assert memory_plan(at(these, tmp_path), Free(7 * GIB)).fits


def test_layers_on_the_gpu_take_their_weights_and_caches_with_them(tmp_path: Path) -> None:
    path = tiny(tmp_path, "plain")
    main = needs(llama(path, "llm.streams_per_step=4"))["llm", "main"]
    some = needs(llama(path, "llm.gpu_layers=1"))
    assert set(some) == {("process", "main"), ("llm", "main"), ("llm", "gpu")}
    assert some["llm", "main"].weights + some["llm", "gpu"].weights == pytest.approx(main.weights, abs=2)
    assert some["llm", "main"].caches + some["llm", "gpu"].caches == pytest.approx(main.caches, abs=2)
    assert ("llm", "main") not in needs(llama(path, "llm.gpu_layers=-1"))


def test_sessions_apart_have_their_memory_each_and_one_for_what_all_begin_with(tmp_path: Path) -> None:
    path = tiny(tmp_path, "plain")
    together, apart = (needs(llama(path, *sets))["llm", "main"] for sets in (("llm.streams_per_step=4",), ()))
    assert apart.caches == together.caches * 7 // 6
    assert apart.per_session == together.per_session


def test_where_nothing_is_shared_shorter_sessions_are_a_remedy(tmp_path: Path) -> None:
    sizes = ("llm.session_tokens=100000", "llm.kv_type=q8_0", "llm.max_tokens=50000")
    these = llama(tiny(tmp_path, "plain"), *sizes)
    shorter = llama(tiny(tmp_path, "plain"), *sizes, "llm.max_tokens=25000")
    rest = sum(need.total for need in memory_plan(these, PLENTY).needs) - needs(these)["llm", "main"].caches // 4
    assert remedy(shorter, Free(rest)) == "This would fit: --set llm.session_tokens=50000."
    assert "session_tokens" not in remedy(these, Free(rest)), "a reply would leave no room for a prompt"


def test_more_sessions_need_larger_caches() -> None:
    def caches(sessions: int) -> int:
        these = settings("asr.engine=nemotron", f"server.max_sessions={sessions}")
        need = needs(these)["asr", "gpu"]
        assert need.caches >= sessions * need.per_session
        return need.caches

    assert caches(8) - caches(4) == 4 * 2 * 24 * (2 * 72 + 8) * 1024 * 2


def test_memory_that_a_gpu_shares_is_not_filled_to_the_brim() -> None:
    these = settings("asr.engine=nemotron")
    kept = [need for need in memory_plan(these, Free(100 * GIB, shared=True)).needs if need.engine == "system"]
    assert [need.total for need in kept] == [8 * GIB]
    assert not [need for need in memory_plan(these, Free(100 * GIB, 32 * GIB)).needs if need.engine == "system"]


def test_nemotron_on_a_gpu_is_half_as_large_there_and_passes_through_main_memory() -> None:
    these = settings("asr.engine=nemotron")
    on_gpu, on_cpu = needs(these), needs(these, Free(500 * GIB))
    assert on_gpu["asr", "gpu"].weights * 2 == on_gpu["asr", "main"].loading == on_cpu["asr", "main"].weights
    assert ("asr", "gpu") not in on_cpu
    assert ("asr", "gpu") in needs(these, Free(500 * GIB, shared=True))


def test_magpie_needs_its_codec_too_and_a_cache_for_each_session_and_each_speech_stream() -> None:
    these = settings("tts.engine=magpie", "tts.device=cpu", "server.max_sessions=3", "server.speech_streams=2")
    need = needs(these)["tts", "main"]
    files = Store().manifest.models
    assert need.weights == files[these.tts.model].size + files[these.tts.codec].size
    assert need.caches == (3 + 2) * need.per_session
    alone = needs(with_change(these, {"server.speech_streams": 0}))["tts", "main"]
    assert alone.caches == 3 * need.per_session
    total = sum(need.total for need in memory_plan(these, PLENTY).needs)
    assert remedy(these, Free(total - 1)) == "This would fit: --set server.speech_streams=0."
    assert ("tts", "gpu") in needs(settings("tts.engine=magpie"))


def test_torch_may_take_what_the_language_model_leaves_of_a_gpu(tmp_path: Path) -> None:
    on_gpu = ("asr.engine=nemotron", "tts.engine=magpie", "llm.gpu_layers=-1")
    these = llama(tiny(tmp_path, "plain"), *on_gpu)
    need = needs(these)["llm", "gpu"].total
    assert torch_limit(these, Free(64 * GIB, 30 * GIB)) == 30 * GIB - need
    assert torch_limit(these, Free(64 * GIB, 1)) == 0
    assert torch_limit(these, Free(64 * GIB, None)) is None
    on_cpu = with_change(with_change(these, {"asr.device": "cpu"}), {"tts.engine": "hibari"})
    assert torch_limit(on_cpu, Free(64 * GIB, 30 * GIB)) is None


def test_in_memory_that_cpu_and_gpu_share_torch_leaves_what_everything_else_needs(tmp_path: Path) -> None:
    these = llama(tiny(tmp_path, "plain"), "asr.engine=nemotron", "llm.gpu_layers=-1")
    spark = Free(100 * GIB, None, shared=True)
    plan = memory_plan(these, spark)
    torchs = sum(need.total for need in plan.needs if need.engine == "asr" and need.place is Place.GPU)
    assert torch_limit(these, spark) == 100 * GIB - (plan.accounts[0].needed - torchs)


def test_what_cannot_be_reckoned_is_named_and_refuses_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF\x03\0\0\0 and no more")
    plan = memory_plan(llama(tmp_path / "broken.gguf"), PLENTY)
    assert len(plan.unknown) == 1
    assert plan.unknown[0].startswith("llm: not known")
    assert plan.fits


def test_gpus_memories_are_added_unless_they_are_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "free_main_memory", lambda: 9 * GIB)
    card, spark = Gpu("card", "1", "12.0", 32 * GIB, 30 * GIB), Gpu("spark", "1", "12.1", None, None)
    assert free_memory(()) == Free(9 * GIB)
    assert free_memory((card, card)) == Free(9 * GIB, 60 * GIB)
    assert free_memory((spark,)) == Free(9 * GIB, None, shared=True)


def test_the_mildest_change_that_fits_is_named(tmp_path: Path) -> None:
    sizes = ("llm.context_tokens=1000000", "llm.session_tokens=500000", "llm.flash_attention=true")
    these = llama(tiny(tmp_path, "plain"), *sizes)
    need = needs(these)["llm", "main"]
    rest = sum(need.total for need in memory_plan(these, PLENTY).needs) - need.caches
    assert remedy(these, Free(rest + need.caches * 3 // 4)) == "This would fit: --set llm.kv_type=q8_0."
    both = "This would fit: --set llm.kv_type=q8_0 --set llm.context_tokens=500000."
    assert remedy(these, Free(rest + need.caches // 4)) == both


def test_a_smaller_model_is_named_where_no_setting_helps() -> None:
    these = settings("llm.engine=llama", "llm.model=nemotron-3-nano-30b-a3b-q8_0", "llm.gpu_layers=-1")
    assert "llm.model=nemotron-3-nano-30b-a3b-q4_k_m" in remedy(these, Free(GIB, 30 * GIB))
    assert remedy(these, Free(10 * MIB, 30 * GIB)).startswith("No setting makes it fit")


def test_changed_settings_are_the_same_in_all_else() -> None:
    before = settings("llm.engine=llama")
    after = with_change(before, {"server.max_sessions": 1, "llm.kv_type": "q8_0"})
    assert (after.server.max_sessions, after.llm.kv_type) == (1, "q8_0")
    assert after.model_copy(update={"server": before.server, "llm": before.llm}) == before


def test_a_start_without_room_is_refused_with_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "free_main_memory", lambda: 64 * MIB)
    with pytest.raises(VoiceAgentError) as refused:
        require_room(settings(), ())
    assert "No setting makes it fit" in str(refused.value)
    assert "main memory: 160 MiB needed, 64 MiB free" in str(refused.value)


def test_a_start_with_room_logs_the_table(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        require_room(settings(), ())
    assert "main memory: 160 MiB needed" in caplog.text
