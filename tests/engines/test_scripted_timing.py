"""Scripted steps take the time that is written down for them: no more steps than that, and no other time."""

from typing import Any

import pytest

from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.timing import Timing
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.engines.turn.scripted.engine import ScriptedTurn
from voiceagent.engines.vad.scripted.engine import ScriptedVad
from voiceagent.testing.engine_contract.driving import Heard, ask_asr, ask_llm, ask_tts, ask_turn, ask_vad, drive

TIMING = Timing(
    asr_partial_s=1.0,
    asr_final_s=2.0,
    llm_prefill_s=3.0,
    llm_decode_s=4.0,
    tts_segment_s=5.0,
    turn_predict_s=6.0,
    vad_frame_s=7.0,
)


@pytest.mark.parametrize(
    ("make", "ask", "slept"),
    [
        (ScriptedVad, ask_vad, [7.0]),
        (ScriptedAsr, ask_asr, [2.0]),
        (ScriptedTurn, ask_turn, [6.0]),
        (lambda **options: ScriptedLlm(lambda _: "Two words", **options), ask_llm, [3.0, 4.0, 4.0, 4.0]),
        (ScriptedTts, ask_tts, [5.0, 5.0]),
    ],
)
def test_a_virtual_clock_is_charged_what_a_live_lane_sleeps(make: Any, ask: Any, slept: list[float]) -> None:
    naps: list[float] = []
    engine = make(timing=TIMING, sleep=naps.append)
    ask(engine.open(Heard().events.append), 1, 101.0)
    batches = drive(engine)
    assert naps == slept
    assert [TIMING.cost_s(batch.cost_key) for batch in batches] == slept


def test_a_partial_costs_less_than_a_final() -> None:
    assert Timing().cost_s(("asr.partial", 1)) < Timing().cost_s(("asr.final", 1))


def test_the_size_of_a_step_does_not_matter() -> None:
    assert TIMING.cost_s(("llm.prefill", 1)) == TIMING.cost_s(("llm.prefill", 4000)) == 3.0


def test_a_step_that_is_not_scripted_has_no_time() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        TIMING.cost_s(("nonsense", 1))
