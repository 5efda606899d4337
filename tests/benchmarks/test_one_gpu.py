"""The one-GPU benchmark on tiny models and the virtual clock: real compute, scripted talk, no waiting."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("gguf")
pytestmark = pytest.mark.nemo

from benchmarks import one_gpu  # noqa: E402 (needs torch)
from benchmarks.simulation import Heard  # noqa: E402
from voiceagent.engines.turn.scripted.engine import ScriptedTurn  # noqa: E402
from voiceagent.engines.vad.scripted.engine import ScriptedVad  # noqa: E402
from voiceagent.scheduler.lane import VirtualLane  # noqa: E402
from voiceagent.scheduler.virtual import run_virtual  # noqa: E402
from voiceagent.session.engines import Engines  # noqa: E402

CALLERS = 2
CPU = torch.device("cpu")
STEP_S = 0.005


@pytest.fixture(scope="module", autouse=True)
def dummies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where the benchmark keeps its models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOICEAGENT_WEIGHTS_DIR", str(tmp_path_factory.mktemp("weights")))
        yield


@pytest.fixture(scope="module")
def talk(dummies: None) -> one_gpu.Talk:
    build, language = one_gpu.models(CPU, "tiny", CALLERS, 1), one_gpu.llm("tiny", CPU, CALLERS)
    ears, voice = build(one_gpu.OURS)
    for engine in (ears, voice, language):
        engine.load()
    silent: Any = {"sleep": lambda seconds: None}
    group = Engines(ears, language, voice, ScriptedVad(**silent), ScriptedTurn(**silent))
    lanes = {name: VirtualLane(lambda batch: STEP_S) for name in ("asr", "llm", "tts", "vad", "turn")}
    return run_virtual(one_gpu.converse(group, lanes, one_gpu.OURS, CALLERS, 4.0))


def test_callers_are_answered_by_models_that_really_compute(talk: one_gpu.Talk) -> None:
    assert len(talk.heard.v2v_ms) >= CALLERS
    assert talk.heard.unanswered == 0
    assert talk.failures == 0
    assert {kind for kind, _ in talk.steps_s} >= {"asr.chunk", "llm.step", "tts.begin", "tts.decode", "tts.sound"}


def test_with_steps_that_cost_nothing_answers_come_at_once_and_are_never_silent(talk: one_gpu.Talk) -> None:
    assert max(talk.heard.v2v_ms) < 700
    assert talk.heard.silences_ms == []


def test_a_talk_becomes_rows_and_a_flat_summary(talk: one_gpu.Talk) -> None:
    late = one_gpu.Talk(Heard([900.0], [150.0], unanswered=1))
    samples = {
        "talks": [one_gpu.row(one_gpu.OURS, 2, talk), one_gpu.row(one_gpu.OTHERS[1], 2, late)],
        "steps": one_gpu.step_rows(one_gpu.OURS, 2, talk),
    }
    summary = one_gpu.summarise(samples)
    assert summary["mid_response_silences_2"] == 0
    assert (summary["v2v_ms_p50_2_one_stream"], summary["mid_response_silences_2_one_stream"]) == (900.0, 1)
    assert summary["unanswered"] == 0, "others than ours do not count"
    assert {row["kind"] for row in samples["steps"]}.isdisjoint({"vad.frame", "turn.predict"})
    assert "one stream" in one_gpu.show(samples["talks"], summary)


def test_the_language_model_is_the_largest_that_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one_gpu.possible_llm(CPU, "tiny") == "tiny"
    assert one_gpu.possible_llm(CPU, "true") == "table"
    monkeypatch.setattr(one_gpu, "find_spec", lambda name: None)
    assert one_gpu.possible_llm(CPU, "tiny") == "table"


def test_it_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def said_nothing(*arguments: Any) -> one_gpu.Talk:
        return one_gpu.Talk()

    monkeypatch.setattr(one_gpu, "converse", said_nothing)
    assert one_gpu.main(["--quick", "--device", "cpu", "--threads", "1", "--json", str(tmp_path / "r.json")]) == 0
    assert (tmp_path / "r.json").is_file()
    assert "v2v_ms_p50_2" in capsys.readouterr().out
