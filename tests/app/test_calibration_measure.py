"""Measuring engines: every kind of step occurs, and slow-downs come from what really ran at once."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.app.calibration import measure
from voiceagent.app.calibration.bench import Bench, Ran
from voiceagent.app.calibration.measure import calibrate, overlaps, slowdown, speech
from voiceagent.app.calibration.report import report
from voiceagent.app.engines import lanes_of
from voiceagent.app.settings import load_settings
from voiceagent.config import Settings
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.timing import SMALL_CPU, CostTable
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.errors import VoiceAgentError
from voiceagent.session.engines import Engines
from voiceagent.testing import scripted_engines

KEY = ("llm.step", 1)


def steps(*edges: tuple[float, float]) -> list[Ran]:
    return [Ran(KEY, start, end) for start, end in edges]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Let the settings stand for scripted engines that never sleep."""

    def settings(*sets: str, engines: Engines | None = None) -> Settings:
        monkeypatch.setattr(measure, "build_engines", lambda settings, gpus: engines or scripted_engines())
        return load_settings("scripted.yaml", sets).settings

    return settings


def test_every_kind_of_step_is_measured_and_every_two_lanes_are_run_at_once(house: Callable[..., Settings]) -> None:
    said: list[str] = []
    calibration = calibrate(house(), (), 0.0, said.append)
    assert list(calibration.costs) == [
        *("asr.final", "asr.partial", "llm.decode", "llm.prefill", "tts.segment", "vad.frame", "turn.predict")
    ]
    assert all(measured.steps > 0 for sizes in calibration.costs.values() for measured in sizes.values())
    assert list(calibration.slowdowns) == ["asr", "llm", "tts", "vad", "turn"]
    assert len([text for text in said if " while " in text]) == 10
    assert said.index("loading turn") < said.index("measuring asr alone") < said.index("measuring vad while turn runs")


def test_batches_are_measured_as_large_as_the_sessions_make_them(house: Callable[..., Settings]) -> None:
    kinds = ("asr.partial", "asr.final", "llm.prefill", "llm.decode", "tts.segment", "vad.frame", "turn.predict")
    engines = scripted_engines(CostTable({kind: {1: 0.001, 8: 0.002} for kind in kinds}))
    calibration = calibrate(house("server.max_sessions=6", engines=engines), (), 0.0, lambda text: None)
    assert {1, 2, 4, 6} <= set(calibration.costs["llm.prefill"])


def test_engines_are_left_as_they_were_found_and_closed(house: Callable[..., Settings]) -> None:
    engines = scripted_engines()
    calibrate(house(engines=engines), (), 0.0, lambda text: None)
    assert all(engine.pending(0.0) is None for engine in lanes_of(engines).values())


def test_a_language_model_elsewhere_is_not_measured(house: Callable[..., Settings]) -> None:
    calibration = calibrate(house("llm.engine=openai"), (), 0.0, lambda text: None)
    assert "llm.decode" not in calibration.costs
    assert "llm" not in calibration.slowdowns


@pytest.mark.parametrize(
    ("broken", "lane"),
    [
        ({"llm": ScriptedLlm(fail_at=2, sleep=lambda s: None)}, "llm"),
        ({"tts": ScriptedTts(fail_at=2, sleep=lambda s: None)}, "tts"),
    ],
)
def test_an_engine_that_fails_is_named(house: Callable[..., Settings], broken: dict[str, Any], lane: str) -> None:
    settings = house(engines=scripted_engines(SMALL_CPU, **broken))
    with pytest.raises(VoiceAgentError, match=f"The {lane} engine failed while it was measured: scripted to fail"):
        calibrate(settings, (), 0.0, lambda text: None)


def test_work_that_is_refused_is_a_failure_too(house: Callable[..., Settings]) -> None:
    def speechless(messages: object) -> str:
        raise RuntimeError("no words")

    engines = scripted_engines(SMALL_CPU, llm=ScriptedLlm(speechless, sleep=lambda s: None))
    with pytest.raises(VoiceAgentError, match="no words"):
        calibrate(house(engines=engines), (), 0.0, lambda text: None)


def test_a_voice_that_says_nothing_is_replaced_by_a_buzz() -> None:
    mute = ScriptedTts(word_s=0.0, sleep=lambda s: None)
    with closing(Bench(mute)) as voice:
        heard = speech(voice)
    assert len(heard) == 8 * 16_000
    assert np.abs(heard).max() > 0.05


def test_the_time_that_others_ran_is_counted_step_by_step() -> None:
    mine = steps((0.0, 1.0), (1.5, 2.5), (5.0, 6.0), (9.0, 10.0))
    others = steps((0.5, 2.0), (2.25, 5.25), (5.5, 5.75))
    assert overlaps(mine, others) == pytest.approx([0.5, 0.75, 0.5, 0.0])
    assert overlaps(mine, []) == [0.0] * 4


edges = st.lists(st.integers(0, 1000), min_size=2, max_size=40, unique=True).map(sorted)


@given(edges, edges)
def test_overlaps_are_what_a_count_of_moments_says(one: list[int], other: list[int]) -> None:
    def cut(at: list[int]) -> list[tuple[int, int]]:
        return list(zip(at[::2], at[1::2], strict=False))

    moments = {moment for start, end in cut(other) for moment in range(start, end)}
    expected = [sum(moment in moments for moment in range(start, end)) for start, end in cut(one)]
    assert overlaps(steps(*cut(one)), steps(*cut(other))) == pytest.approx(expected)


def test_lanes_that_take_twice_as_long_beside_each_other_are_seen_to() -> None:
    mine = steps(*((n * 0.02, n * 0.02 + 0.02) for n in range(20)))
    others = steps((0.0, 0.2), (0.2, 0.4))
    assert slowdown({KEY: [0.01] * 20}, mine, "asr", others) == {"asr": 2.0}


def test_too_few_steps_beside_each_other_tell_nothing() -> None:
    mine = steps((0.0, 0.02), (0.02, 0.04), (0.04, 0.06), (0.06, 0.08), (0.08, 0.1), (0.1, 0.12))
    assert slowdown({KEY: [0.01] * 20}, mine, "asr", steps((0.0, 0.08))) == {}
    assert slowdown({KEY: [0.01] * 20}, mine, "asr", []) == {}


def test_the_report_has_a_line_for_each_step_and_each_lane(house: Callable[..., Settings]) -> None:
    shown = report(calibrate(house(), (), 0.0, lambda text: None)).splitlines()
    assert shown[0].split() == ["STEP", "SIZE", "STEPS", "HALF", "OF", "THEM", "3", "OF", "4", "7", "OF", "8"]
    assert [line.split()[0] for line in shown[-5:]] == ["asr", "llm", "tts", "vad", "turn"]
    assert shown[-5].split()[1] == "-"
