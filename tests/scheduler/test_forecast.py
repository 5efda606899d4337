"""A forecast: typical callers, the real scheduler; repeatable, and worse where there is more to do."""

from dataclasses import replace

import pytest

from voiceagent.engines.contract import Need
from voiceagent.scheduler.admission import Demand, Listening, Work, simulate, simulated_caller
from voiceagent.scheduler.costs import CostModel

FINAL, PREDICT, PREFILL, DECODE, SOUND = (
    ("asr.final", 1),
    ("turn.predict", 1),
    ("llm.prefill", 1),
    ("llm.decode", 1),
    ("tts.segment", 1),
)


def demand(**changes) -> Demand:
    """Return what a small conversation asks for; every step serves up to eight callers."""

    def steps(key, times=1):
        return (Work(key, times, share=8),)

    usual = Demand(
        listening=(),
        transcript=steps(FINAL),
        judgement=steps(PREDICT),
        prompt=steps(PREFILL),
        first_text=steps(DECODE, 10),
        text=steps(DECODE, 10),
        voice=(),
        first_sound=steps(SOUND),
        first_sound_s=0.3,
        sound=steps(SOUND),
        sound_s=0.3,
        segment_s=3.0,
        pause_s=0.06,
        stop_s=0.2,
        sentence_pause_s=0.25,
        sound_ahead_s=0.15,
        text_ahead_s=1.0,
        preemptive=True,
    )
    return replace(usual, **changes)


def costs(factor=1.0) -> CostModel:
    """Return what steps of one stream take, and of eight."""
    alone = {FINAL: 0.02, PREDICT: 0.03, PREFILL: 0.04, DECODE: 0.01, SOUND: 0.03}
    return CostModel(
        {(kind, size): [s * factor * (1 + size / 8)] * 8 for (kind, _), s in alone.items() for size in (1, 8)}
    )


def test_the_same_callers_are_foreseen_the_same_twice() -> None:
    assert simulate(3, demand(), costs(), 1, questions=12) == simulate(3, demand(), costs(), 1, questions=12)


def test_one_caller_alone_waits_for_the_stages_one_after_the_other() -> None:
    forecast = simulate(1, demand(), costs(), 2, questions=6)
    alone = 1 + 1 / 8
    assert forecast.wait_s(0.5) == pytest.approx(0.06 + alone * (0.02 + 0.04 + 10 * 0.01 + 0.03), abs=1e-6)
    assert forecast.broken == 0
    assert len(forecast.waits_s) >= 4


def test_nobody_is_answered_before_the_turn_is_over() -> None:
    assert simulate(1, demand(stop_s=0.9), costs(), 2, questions=4).wait_s(0) == pytest.approx(0.9, abs=1e-6)


def test_an_answer_that_is_not_prepared_comes_later() -> None:
    prepared, unprepared = (simulate(1, demand(preemptive=on), costs(), 2, questions=4) for on in (True, False))
    assert unprepared.wait_s(0.5) > prepared.wait_s(0.5) + 0.05


def test_more_callers_wait_longer_and_so_do_all_on_a_slower_device() -> None:
    few, many = (simulate(callers, demand(), costs(), 1, questions=24) for callers in (2, 8))
    slow = simulate(2, demand(), costs(3.0), 1, questions=24)
    assert few.wait_s(0.95) < many.wait_s(0.95)
    assert few.wait_s(0.95) < slow.wait_s(0.95)
    assert many.busy["tts"] > few.busy["tts"]


def test_a_voice_slower_than_speech_breaks_off() -> None:
    slow_voice = CostModel({FINAL: [0.02], PREDICT: [0.03], PREFILL: [0.04], DECODE: [0.01], SOUND: [0.5]})
    forecast = simulate(1, demand(), slow_voice, 2, questions=4)
    assert forecast.broken_share == 1.0


def test_who_is_still_waiting_at_the_end_is_counted_too() -> None:
    hopeless = CostModel({FINAL: [30.0], PREDICT: [0.03], PREFILL: [0.04], DECODE: [0.01], SOUND: [0.03]})
    assert simulate(1, demand(), hopeless, 2, questions=2).wait_s(1.0) > 5


def test_listening_takes_its_part_unless_it_is_negligible() -> None:
    def hearing(cost_s):
        works = (Work(("asr.chunk", 1), share=8),)
        learned = costs()
        learned.observe(("asr.chunk", 1), cost_s)
        return simulate(2, demand(listening=(Listening(works, 0.16, always=True),)), learned, 1, questions=6)

    assert hearing(0.08).busy["asr"] > 0.3
    assert hearing(0.0001).busy["asr"] < 0.05


def test_a_partial_transcript_is_asked_for_only_while_somebody_speaks() -> None:
    def hearing(*, always):
        works = (Work(("asr.chunk", 1)),)
        learned = costs()
        learned.observe(("asr.chunk", 1), 0.05)
        listening = Listening(works, 0.4, always=always, need=Need.SPECULATIVE)
        return simulate(1, demand(listening=(listening,)), learned, 1, questions=6)

    assert hearing(always=False).busy["asr"] < hearing(always=True).busy["asr"] / 2


def test_work_of_another_machine_costs_nothing_here() -> None:
    remote = simulate(1, demand(prompt=(), first_text=(), text=()), costs(), 2, questions=4)
    assert "llm" not in remote.busy
    assert remote.wait_s(0.5) == pytest.approx(0.2, abs=1e-6)


def test_an_interrupted_answer_is_not_made_any_further(monkeypatch) -> None:
    def sound_of_each_answer(share: float) -> float:
        monkeypatch.setattr(simulated_caller, "INTERRUPTS", share)
        forecast = simulate(1, demand(), costs(), 2, questions=10)
        return forecast.busy["tts"] / len(forecast.waits_s)

    monkeypatch.setattr(simulated_caller, "HESITATES", 0.0)
    monkeypatch.setattr(simulated_caller, "SEGMENTS", (6,))
    monkeypatch.setattr(simulated_caller, "INTERRUPTED_S", (0.05, 0.05))
    assert sound_of_each_answer(1.0) < sound_of_each_answer(0.0) / 2


def test_text_and_voice_take_turns_so_that_a_busy_device_finishes_long_answers(monkeypatch) -> None:
    monkeypatch.setattr(simulated_caller, "HESITATES", 0.0)
    monkeypatch.setattr(simulated_caller, "INTERRUPTS", 0.0)
    monkeypatch.setattr(simulated_caller, "SEGMENTS", (6,))
    forecast = simulate(6, demand(), costs(2.0), 1, questions=36)
    assert forecast.busy["tts"] + forecast.busy["llm"] > 0.5
    assert forecast.broken == 0


def test_what_is_read_anew_takes_its_part_and_makes_those_wait_who_ask_before_it_is_done() -> None:
    rereading = (Work(PREFILL, 20, share=1),)
    seldom, often = (
        simulate(3, demand(rereading=rereading, reread_every=every), costs(), 1, questions=60) for every in (8, 2)
    )
    without = simulate(3, demand(), costs(), 1, questions=60)
    assert without.busy["llm"] < seldom.busy["llm"] < often.busy["llm"]
    assert without.wait_s(0.95) < often.wait_s(0.95)
    waiting = simulate(1, demand(rereading=(Work(PREFILL, 400, share=1),)), costs(), 1, questions=12)
    assert waiting.wait_s(0.5) > 10.0
