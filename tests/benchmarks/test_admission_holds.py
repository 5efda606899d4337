"""Whom admission lets in, the simulation of real sessions carries: late are the 5 % that the promise leaves open and at
most 1 % more, and at most 1 % of the answers break off.

In the steady state: the simulation's callers begin all within three seconds, as real ones do not.
"""

from dataclasses import replace

import pytest

from benchmarks.cost_tables import CHUNK_S, RTX_5090, SPARK, WORD_S, Device, measured_cpu, scaled
from benchmarks.schedule import PROMISE_MS
from benchmarks.simulated_engines import SYSTEMS
from benchmarks.simulation import LATE_FACTOR, simulate
from voiceagent.engines.asr.scripted.spec import WORDS_PER_S
from voiceagent.engines.timing import CostTable
from voiceagent.scheduler.admission import Demand, Listening, Work, Works
from voiceagent.scheduler.admission.search import Question, max_callers
from voiceagent.scheduler.costs import CostModel
from voiceagent.session.deadlines import SYNTHESIS_MARGIN_S, TEXT_MARGIN_S

OURS = SYSTEMS[0]
SENTENCE_WORDS = 11
FRAME_S = 0.032
TALK_S, DAYS = 60.0, 2


def demand(device: Device) -> Demand:
    """Return what a conversation of the simulation asks for."""

    def steps(kind: str, times: int = 1) -> Works:
        return (Work((kind, 1), times, device.table.batch_limit(kind)),)

    if device.streaming:
        heard = Listening(steps("asr.chunk"), CHUNK_S, always=True)
    else:
        heard = Listening(steps("asr.partial"), 1 / WORDS_PER_S, always=False)
    return Demand(
        listening=(Listening(steps("vad.frame"), FRAME_S, always=True), heard),
        transcript=steps("asr.final"),
        judgement=steps("turn.predict"),
        prompt=steps("llm.prefill"),
        first_text=steps("llm.decode", SENTENCE_WORDS),
        text=steps("llm.decode", SENTENCE_WORDS),
        voice=(),
        first_sound=steps("tts.segment"),
        first_sound_s=WORD_S,
        sound=steps("tts.segment"),
        sound_s=WORD_S,
        segment_s=SENTENCE_WORDS * WORD_S,
        pause_s=0.064 + FRAME_S,
        stop_s=0.2 + FRAME_S,
        sentence_pause_s=0.25,
        sound_ahead_s=SYNTHESIS_MARGIN_S,
        text_ahead_s=TEXT_MARGIN_S,
        preemptive=True,
    )


def costs(device: Device) -> CostModel:
    """Return what was learned of the device's steps: one in 64 took much longer."""
    steps = device.table.steps
    seen = {(kind, size): device.table.cost_s((kind, size)) for kind in steps for size in (*steps[kind], 2, 4, 8)}
    return CostModel({key: [cost_s] * 63 + [LATE_FACTOR * cost_s] for key, cost_s in seen.items()})


def slowed(device: Device, factor: float) -> Device:
    """Return a device that takes so many times as long."""
    return replace(device, table=CostTable({kind: scaled(sizes, factor) for kind, sizes in device.table.steps.items()}))


def capacity(device: Device, most: int) -> int:
    """Return how many callers admission lets in on a device."""
    promise_s = PROMISE_MS / 1000
    return max_callers(
        Question(demand(device), costs(device), device.concurrency, device.off_device, promise_s, most, known=None)
    )


@pytest.mark.parametrize(
    ("device", "most"),
    [
        pytest.param(SPARK, 4, id="spark", marks=pytest.mark.thorough),
        pytest.param(slowed(RTX_5090, 2.0), 4, id="half an rtx5090", marks=pytest.mark.thorough),
        pytest.param(slowed(measured_cpu(), 1.5), 4, id="cpu, 1.5 times slower"),
    ],
)
def test_whom_admission_lets_in_the_simulation_carries(device, most) -> None:
    callers = capacity(device, most)
    assert callers
    heard = simulate(OURS, device, callers, TALK_S, DAYS)
    late = sum(wait_ms > PROMISE_MS for wait_ms in heard.v2v_ms) + heard.unanswered
    assert late <= 0.06 * len(heard.v2v_ms)
    assert len(heard.silences_ms) <= 0.01 * len(heard.v2v_ms)


def test_a_device_that_is_much_too_slow_carries_nobody() -> None:
    assert capacity(slowed(SPARK, 4.0), most=2) == 0
