"""What any engine must do, whichever model is behind it: checks to be run against every backend.

A check takes a loaded, idle engine, uses streams of its own and closes them again, so that one engine (which may take
seconds to load) serves for all checks. Checks look at events and batches only. Those of one kind of engine are in
`kind_contracts.py`; `test_engine_contract.py` lists the engines: to add one, add a parameter there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.contract import HOLD, Batch, Need, StreamFailed
from voiceagent.engines.llm.contract import Message
from voiceagent.engines.vad.contract import FRAME_SAMPLES

MOST_STEPS = 5_000
"""No check needs as many: an engine that goes on for longer does not end."""
NOW, SOON, LATER = 100.0, 101.0, 140.0


def voice(seconds: float) -> NDArray[np.float32]:
    """Return something voiced: 16 kHz mono float32, a buzz with the pitch and loudness of speech."""
    t = np.arange(int(seconds * 16_000)) / 16_000
    buzz = sum(np.sin(2 * np.pi * 140 * harmonic * t) / harmonic for harmonic in range(1, 12))
    return (0.1 * np.asarray(buzz)).astype(np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(int(seconds * 16_000), np.float32)


def said(text: str) -> tuple[Message, ...]:
    return (Message("system", "Answer in one short sentence."), Message("user", text))


def step(engine: Any) -> Batch | None:
    """Run the most urgent step as the scheduler would, and return its batch; None when there is no work."""
    batch: Batch | None = engine.pending(NOW)
    if batch is not None:
        try:
            results = engine.run(batch)
        except Exception as error:
            engine.fail(batch, error)
        else:
            engine.deliver(batch, results)
    return batch


def drive(engine: Any) -> list[Batch]:
    """Run steps until there is no more work, and return their batches."""
    batches: list[Batch] = []
    while (batch := step(engine)) is not None:
        batches.append(batch)
        assert len(batches) < MOST_STEPS, "the engine does not come to an end"
    return batches


@dataclass
class Heard:
    """The events of one stream."""

    events: list[Any] = field(default_factory=list)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@contextmanager
def opened(engine: Any) -> Iterator[tuple[Any, Heard]]:
    """Open a stream for the length of a check."""
    heard = Heard()
    stream = engine.open(heard.events.append)
    try:
        yield stream, heard
    finally:
        stream.close()
        drive(engine)


Ask = Callable[[Any, int, float], None]
"""Give a stream one piece of work: (stream, tag, deadline)."""


def ask_vad(stream: Any, tag: int, deadline: float) -> None:
    stream.push(voice(FRAME_SAMPLES / 16_000), deadline)


def ask_asr(stream: Any, tag: int, deadline: float) -> None:
    stream.push(voice(1.0))
    stream.finalise(tag, deadline)


def ask_llm(stream: Any, tag: int, deadline: float) -> None:
    stream.generate(tag, said("Hello there."), deadline)


def ask_tts(stream: Any, tag: int, deadline: float) -> None:
    stream.speak(tag, 0, "Hello there.", deadline)


def ask_turn(stream: Any, tag: int, deadline: float) -> None:
    stream.predict(tag, voice(1.0), deadline)


# Every kind of engine


def offers_nothing_until_it_is_asked(engine: Any, ask: Ask) -> None:
    with opened(engine) as (stream, _):
        assert engine.pending(NOW) is None
        ask(stream, 1, SOON)
        assert engine.pending(NOW) is not None


def wakes_the_scheduler_when_it_is_asked(engine: Any, ask: Ask) -> None:
    wakes: list[None] = []
    engine.bind(lambda: wakes.append(None))
    with opened(engine) as (stream, _):
        assert not wakes
        ask(stream, 1, SOON)
        assert wakes


def comes_to_an_end_and_answers_only_the_stream_that_asked(engine: Any, ask: Ask) -> None:
    with opened(engine) as (stream, heard), opened(engine) as (_, bystander):
        ask(stream, 1, SOON)
        batches = drive(engine)
        assert heard.events
        assert not heard.of(StreamFailed)
        assert not bystander.events
        assert {batch.lane for batch in batches} == {engine.lane}


def serves_the_urgent_stream_first(engine: Any, ask: Ask) -> None:
    with opened(engine) as (patient, patient_heard), opened(engine) as (urgent, urgent_heard):
        ask(patient, 1, LATER)
        ask(urgent, 1, SOON)
        while not urgent_heard.events:
            assert not patient_heard.events
            assert step(engine) is not None
        drive(engine)
        assert patient_heard.events


def drops_the_work_of_a_closed_stream(engine: Any, ask: Ask) -> None:
    with opened(engine) as (stream, heard):
        ask(stream, 1, SOON)
        stream.close()
        assert engine.pending(NOW) is None
        assert not heard.events


def drops_the_result_of_a_stream_that_closed_meanwhile(engine: Any, ask: Ask) -> None:
    with opened(engine) as (stream, heard):
        ask(stream, 1, SOON)
        batch = engine.pending(NOW)
        results = engine.run(batch)
        stream.close()
        engine.deliver(batch, results)
        drive(engine)
        assert not heard.events


def drops_the_failure_of_a_stream_that_closed_meanwhile(engine: Any, ask: Ask) -> None:
    with opened(engine) as (stream, heard):
        ask(stream, 1, SOON)
        batch = engine.pending(NOW)
        stream.close()
        engine.fail(batch, RuntimeError("too late"))
        assert not heard.events


def tells_a_failed_step_to_its_stream_which_lives_on(engine: Any, ask: Ask) -> None:
    with opened(engine) as (stream, heard), opened(engine) as (other, other_heard):
        ask(stream, 1, SOON)
        error = RuntimeError("the device is on fire")
        engine.fail(engine.pending(NOW), error)
        assert heard.events == [StreamFailed(-1 if ask is ask_vad else 1, error)]
        drive(engine)
        assert len(heard.events) == 1, "the lost work went on"
        ask(stream, 2, SOON)
        ask(other, 1, SOON)
        drive(engine)
        assert len(heard.events) > 1
        assert other_heard.events
        assert not other_heard.of(StreamFailed)


def is_well_after_a_step_that_was_given_up(engine: Any, ask: Ask) -> None:
    hangs = TimeoutError("the step hangs")

    def turn_away() -> None:
        while (batch := engine.pending(NOW)) is not None:
            engine.fail(batch, hangs)

    for steps_before in (0, 1, 2, 4):
        with opened(engine) as (stream, heard), opened(engine) as (other, other_heard):
            ask(stream, 1, SOON)
            for _ in range(steps_before):
                step(engine)
            if (hanging := engine.pending(NOW)) is None:
                return
            engine.fail(hanging, hangs)
            turn_away()
            assert {event.error for event in heard.of(StreamFailed)} == {hangs}
            ask(other, 1, SOON)
            turn_away()
            assert {type(event) for event in other_heard.events} == {StreamFailed}
            known = [len(listener.events) for listener in (heard, other_heard)]
            results = engine.run(hanging)
            engine.discard(hanging, results)
            drive(engine)
            assert [len(listener.events) for listener in (heard, other_heard)] == known, "heard of again"
            ask(stream, 2, SOON)
            ask(other, 2, SOON)
            drive(engine)
            for listener, length in zip((heard, other_heard), known, strict=True):
                new = listener.events[length:]
                assert new
                assert StreamFailed not in map(type, new)


def comes_to_its_end_in_the_smallest_steps_too(engine: Any, ask: Ask) -> None:
    with opened(engine) as (one, heard), opened(engine) as (two, other):
        for stream in (one, two):
            ask(stream, 1, SOON)
        for _ in range(MOST_STEPS):
            if (batch := engine.pending(NOW)) is None:
                break
            less = engine.shrink(batch, lambda key: False)
            assert (less.lane, less.deadline, less.need) == (batch.lane, batch.deadline, batch.need)
            assert less.cost_key[1] <= batch.cost_key[1]
            assert set(less.streams) <= set(batch.streams)
            engine.deliver(less, engine.run(less))
        for answer in (heard, other):
            assert answer.events
            assert not answer.of(StreamFailed)


EVERY_KIND = (
    offers_nothing_until_it_is_asked,
    wakes_the_scheduler_when_it_is_asked,
    comes_to_an_end_and_answers_only_the_stream_that_asked,
    comes_to_its_end_in_the_smallest_steps_too,
    serves_the_urgent_stream_first,
    drops_the_work_of_a_closed_stream,
    drops_the_result_of_a_stream_that_closed_meanwhile,
    drops_the_failure_of_a_stream_that_closed_meanwhile,
    tells_a_failed_step_to_its_stream_which_lives_on,
    is_well_after_a_step_that_was_given_up,
)


# Engines whose work carries a generation: LLM and TTS


def does_not_offer_work_on_hold(engine: Any, ask: Ask) -> None:
    with opened(engine) as (stream, heard):
        ask(stream, 1, HOLD)
        assert engine.pending(NOW) is None
        stream.reschedule(1, SOON)
        assert engine.pending(NOW).deadline == SOON
        step(engine)
        stream.reschedule(1, HOLD)
        assert engine.pending(NOW) is None
        stream.reschedule(1, SOON)
        drive(engine)
        assert heard.events


def drops_a_cancelled_generation_even_in_mid_step(engine: Any, ask: Ask) -> None:
    with opened(engine) as (stream, heard):
        ask(stream, 1, SOON)
        batch = engine.pending(NOW)
        results = engine.run(batch)
        stream.cancel(1)
        engine.deliver(batch, results)
        drive(engine)
        assert not heard.events
        ask(stream, 2, SOON)
        drive(engine)
        assert {event.generation for event in heard.events} == {2}


def leaves_other_generations_alone_when_told_to_cancel_one(engine: Any, ask: Ask) -> None:
    with opened(engine) as (stream, heard):
        ask(stream, 2, SOON)
        stream.cancel(1)
        stream.reschedule(1, HOLD)
        drive(engine)
        assert {event.generation for event in heard.events} == {2}


def marks_its_batches_with_their_generation(engine: Any, ask: Ask) -> None:
    with opened(engine) as (stream, _):
        ask(stream, 7, SOON)
        assert {batch.generation for batch in drive(engine)} == {7}


def serves_speculative_work_last_until_it_is_released(engine: Any, ask: Ask) -> None:
    with opened(engine) as (guessing, guess), opened(engine) as (waiting, heard):
        ask(guessing, 1, SOON)
        guessing.reschedule(1, SOON, need=Need.SPECULATIVE)
        assert engine.pending(NOW).need is Need.SPECULATIVE
        ask(waiting, 1, LATER)
        assert engine.pending(NOW).need is not Need.SPECULATIVE
        while not heard.events:
            assert not guess.events
            assert step(engine) is not None
        guessing.reschedule(1, SOON)
        waiting.cancel(1)
        assert engine.pending(NOW).need is not Need.SPECULATIVE
        drive(engine)
        assert guess.events


EVERY_GENERATION = (
    does_not_offer_work_on_hold,
    drops_a_cancelled_generation_even_in_mid_step,
    leaves_other_generations_alone_when_told_to_cancel_one,
    marks_its_batches_with_their_generation,
    serves_speculative_work_last_until_it_is_released,
)
