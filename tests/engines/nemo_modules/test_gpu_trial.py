"""What `voiceagent doctor --gpu` tries, on a CPU: every line of it runs, and what is wrong is found to be wrong."""

from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from tiny_magpie import model  # noqa: E402 (needs torch)

from voiceagent.engines.asr.nemotron import trial as ears  # noqa: E402 (needs torch)
from voiceagent.engines.finding import Verdict  # noqa: E402
from voiceagent.engines.memory import MIB  # noqa: E402
from voiceagent.engines.nemo.trial import device as trial  # noqa: E402
from voiceagent.engines.tts.magpie import trial as mouth  # noqa: E402

CPU = torch.device("cpu")


class Event:
    def __init__(self, *, blocking: bool) -> None: ...

    def record(self) -> None: ...

    def synchronize(self) -> None: ...


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The CPU, which says of itself what a GPU would."""
    says = SimpleNamespace(architectures=["sm_120"], free=31_500 * MIB, integrated=False)
    for name, stand_in in {
        "get_device_capability": lambda device: (12, 0),
        "get_arch_list": lambda: says.architectures,
        "Event": Event,
        "mem_get_info": lambda device: (says.free, 32_000 * MIB),
        "memory_reserved": lambda device: 200 * MIB,
        "get_device_properties": lambda device: SimpleNamespace(is_integrated=says.integrated),
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(trial, "WIDE", 8)
    monkeypatch.setattr(trial, "COPIED", 1 << 12)
    monkeypatch.setattr(trial, "REPEATS", 2)
    return says


def test_everything_is_tried_and_a_cpu_is_found_not_to_overlap(card: Any) -> None:
    found = list(trial.try_device(CPU))
    assert [one.check for one in found] == [
        "gpu torch", "gpu graphs", "gpu kernels", "gpu streams", "gpu streams",
        "gpu memory", "gpu waiting", "gpu memory",
    ]  # fmt: skip
    assert found[0].verdict is found[1].verdict is found[-1].verdict is Verdict.OK
    assert found[2].verdict is Verdict.WARNING


def test_a_build_without_kernels_for_the_card_is_a_problem(card: Any) -> None:
    card.architectures = ["sm_90"]
    assert trial._build(CPU).verdict is Verdict.PROBLEM


def test_a_graph_that_computes_something_else_is_a_problem() -> None:
    step = trial.Step(CPU)
    step._replay = lambda: None
    (found,) = trial._graphs(step)
    assert found.verdict is Verdict.PROBLEM


def test_more_memory_than_is_planned_for_is_a_warning(card: Any) -> None:
    card.free = 30_000 * MIB
    assert trial._runtime(CPU).verdict is Verdict.WARNING
    card.integrated = True
    assert trial._runtime(CPU).verdict is Verdict.OK


def test_a_device_that_does_not_compute_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    trial.findings_of.cache_clear()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: 1 / 0)
    (found,) = trial.findings_of(CPU)
    assert found.verdict is Verdict.PROBLEM
    trial.findings_of.cache_clear()


def test_a_recogniser_that_hears_something_else_is_a_problem(
    nemotron_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "dummy_asr", lambda shape: nemotron_model)
    (found,) = ears.try_recogniser(CPU)
    assert found.verdict is Verdict.OK
    alike, most = (int(word) for word in found.text.split()[:3:2])
    assert alike == most > 10
    answers = iter([([[1, 2, 3]], 1.0), ([[1, 5, 3]], 1.0)])
    monkeypatch.setattr(ears, "hear", lambda device: next(answers))
    (found,) = ears.try_recogniser(CPU)
    assert found.verdict is Verdict.PROBLEM


def test_a_voice_that_says_something_else_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mouth, "dummy_magpie", lambda shape: model())
    right = mouth.speak(CPU)
    assert right[0].shape == (mouth.ROWS, mouth.STEPS, 8)
    answers = iter([right, right, right, (right[0] + 1, 1.0, right[2] + 0.1)])
    monkeypatch.setattr(mouth, "speak", lambda device, codes=None: next(answers))
    assert {found.verdict for found in mouth.try_voice(CPU)} == {Verdict.OK}
    assert {found.verdict for found in mouth.try_voice(CPU)} == {Verdict.PROBLEM}
