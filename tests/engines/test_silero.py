from pathlib import Path
from typing import Any

import numpy as np
import pytest
from embedded import RATE, in_room, room, said, silero

from voiceagent.audio.pcm import Pcm
from voiceagent.engines.contract import Batch, StreamFailed
from voiceagent.engines.drive import drive
from voiceagent.engines.vad.contract import FRAME_SAMPLES, VadEvent, VadFrame
from voiceagent.engines.vad.silero.engine import CONTEXT_SAMPLES, FRAMES_PER_STEP, SileroEngine, SileroStream

NOW = 10.0


class Meter:
    """A model whose probability is a frame's level, and whose state counts frames."""

    def __init__(self) -> None:
        self.rows: list[Pcm] = []
        self.states: list[Pcm] = []

    def run(self, _: None, feed: dict[str, Any]) -> list[Pcm]:
        rows, state = feed["input"], feed["state"]
        assert rows.shape[1] == CONTEXT_SAMPLES + FRAME_SAMPLES
        assert state.shape == (2, len(rows), 128)
        self.rows.append(rows)
        self.states.append(state)
        return [np.abs(rows[:, CONTEXT_SAMPLES:]).mean(axis=1, keepdims=True), state + 1]


def metered() -> tuple[SileroEngine, Meter]:
    engine = SileroEngine(Path("nowhere"))
    meter: Any = Meter()
    engine._session = meter
    return engine, meter


def opened(engine: SileroEngine) -> tuple[SileroStream, list[VadEvent]]:
    events: list[VadEvent] = []
    return engine.open(events.append), events


def frame(level: float, count: int = 1) -> Pcm:
    return np.full(count * FRAME_SAMPLES, level, np.float32)


def step(engine: SileroEngine) -> Batch:
    batch = engine.pending(NOW)
    assert batch is not None
    engine.deliver(batch, engine.run(batch))
    return batch


def levels(events: list[VadEvent]) -> list[float]:
    return [round(event.probability, 3) for event in events if isinstance(event, VadFrame)]


def test_all_streams_with_a_frame_due_are_one_batch() -> None:
    engine, meter = metered()
    first, first_events = opened(engine)
    second, second_events = opened(engine)
    idle, idle_events = opened(engine)
    first.push(frame(0.1), 10.0)
    second.push(frame(0.2), 9.99)
    idle.push(frame(0.3)[:-1], 9.0)
    batch = step(engine)
    assert (batch.cost_key, batch.deadline, len(batch.streams)) == (("vad.frame", 2), pytest.approx(9.99 + 0.032), 2)
    assert (levels(first_events), levels(second_events), idle_events) == ([0.1], [0.2], [])
    assert len(meter.rows) == 1
    assert engine.pending(NOW) is None


def test_a_late_stream_catches_up_with_several_frames_a_step() -> None:
    engine, meter = metered()
    late, events = opened(engine)
    other, _ = opened(engine)
    late.push(np.concatenate([frame(number / 100) for number in range(1, 11)]), NOW)
    other.push(frame(0.5), NOW)
    assert step(engine).cost_key == ("vad.frame", FRAMES_PER_STEP + 1)
    assert len(events) == FRAMES_PER_STEP
    assert [len(rows) for rows in meter.rows] == [2] + [1] * (FRAMES_PER_STEP - 1)
    drive(engine)
    assert levels(events) == [number / 100 for number in range(1, 11)]


def test_every_frame_is_judged_with_the_samples_before_it_and_the_state_after_it() -> None:
    engine, meter = metered()
    stream, _ = opened(engine)
    audio = np.linspace(0, 1, 3 * FRAME_SAMPLES, dtype=np.float32)
    stream.push(audio[:700], NOW)
    drive(engine)
    stream.push(audio[700:], NOW)
    drive(engine)
    padded = np.concatenate((np.zeros(CONTEXT_SAMPLES, np.float32), audio))
    for number, (rows, state) in enumerate(zip(meter.rows, meter.states, strict=True)):
        start = number * FRAME_SAMPLES
        assert np.array_equal(rows[0], padded[start : start + CONTEXT_SAMPLES + FRAME_SAMPLES])
        assert np.all(state == number)


def test_frames_are_numbered_and_dated_by_their_last_sample() -> None:
    engine, _ = metered()
    stream, events = opened(engine)
    for number in range(8):
        stream.push(frame(0.1)[:320], number / 50)
    drive(engine)
    assert [(event.end_sample, event.heard_at) for event in events if isinstance(event, VadFrame)] == [
        (512, 0.02),
        (1024, 0.06),
        (1536, 0.08),
        (2048, 0.12),
        (2560, 0.14),
    ]


def test_a_failed_step_loses_its_frames_and_nothing_else() -> None:
    engine, _ = metered()
    stream, events = opened(engine)
    stream.push(frame(0.1, 2), 1.0)
    batch = engine.pending(NOW)
    assert batch is not None
    stream.push(frame(0.3), 2.0)
    error = RuntimeError("broken")
    engine.fail(batch, error)
    drive(engine)
    assert events[0] == StreamFailed(-1, error)
    assert isinstance(events[1], VadFrame)
    assert (events[1].end_sample, events[1].heard_at) == (3 * FRAME_SAMPLES, 2.0)


def test_a_stream_closed_upon_a_frame_hears_no_more() -> None:
    engine, _ = metered()
    events: list[VadEvent] = []

    def close_at_once(event: VadEvent) -> None:
        events.append(event)
        stream.close()

    stream = engine.open(close_at_once)
    stream.push(frame(0.1, 3), NOW)
    drive(engine)
    assert len(events) == 1


def test_samples_that_are_no_numbers_count_as_silence() -> None:
    engine, meter = metered()
    stream, events = opened(engine)
    stream.push(np.full(FRAME_SAMPLES, np.nan, np.float32), NOW)
    stream.push(np.full(FRAME_SAMPLES, np.inf, np.float32), NOW)
    drive(engine)
    assert levels(events) == [0, 1]
    assert all(np.isfinite(rows).all() for rows in meter.rows)


def test_a_closed_engine_has_no_work() -> None:
    engine, _ = metered()
    stream, _ = opened(engine)
    stream.push(frame(0.1), NOW)
    engine.close()
    assert engine.pending(NOW) is None


@pytest.mark.models
def test_speech_is_told_from_a_quiet_room() -> None:
    engine = silero()
    engine.load()
    speech, heard = opened(engine)
    hiss, noise = opened(engine)
    speech.push(in_room(said("The train to the mountains leaves at noon, and it takes about three hours.")), NOW)
    hiss.push(room(4), NOW)
    drive(engine)
    in_speech = [event.probability for event in heard if isinstance(event, VadFrame) and event.end_sample > RATE]
    assert np.median(in_speech) > 0.9
    assert all(event.probability < 0.3 for event in noise if isinstance(event, VadFrame))
    engine.close()
