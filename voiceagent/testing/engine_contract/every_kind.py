"""What every engine must do, whatever its model; and what those must do whose work has a generation: LLMs and voices.

A check takes a loaded, idle engine, uses streams of its own and closes them again, so that one engine (which may take
seconds to load) serves for all checks. Checks look at events and batches only.
"""

from collections.abc import Callable
from typing import Any

from voiceagent.engines.contract import HOLD, Need, StreamFailed
from voiceagent.testing.engine_contract.driving import ASK, LATER, MOST_STEPS, NOW, SOON, drive, opened, step

Check = Callable[[Any], None]


def offers_nothing_until_it_is_asked(engine: Any) -> None:
    with opened(engine) as (stream, _):
        assert engine.pending(NOW) is None
        ASK[engine.lane](stream, 1, SOON)
        assert engine.pending(NOW) is not None


def wakes_the_scheduler_when_it_is_asked(engine: Any) -> None:
    wakes: list[None] = []
    engine.bind(lambda: wakes.append(None))
    with opened(engine) as (stream, _):
        assert not wakes
        ASK[engine.lane](stream, 1, SOON)
        assert wakes


def comes_to_an_end_and_answers_only_the_stream_that_asked(engine: Any) -> None:
    with opened(engine) as (stream, heard), opened(engine) as (_, bystander):
        ASK[engine.lane](stream, 1, SOON)
        batches = drive(engine)
        assert heard.events
        assert not heard.of(StreamFailed)
        assert not bystander.events
        assert {batch.lane for batch in batches} == {engine.lane}


def serves_the_urgent_stream_first(engine: Any) -> None:
    with opened(engine) as (patient, patient_heard), opened(engine) as (urgent, urgent_heard):
        ASK[engine.lane](patient, 1, LATER)
        ASK[engine.lane](urgent, 1, SOON)
        while not urgent_heard.events:
            assert not patient_heard.events
            assert step(engine) is not None
        drive(engine)
        assert patient_heard.events


def drops_the_work_of_a_closed_stream(engine: Any) -> None:
    with opened(engine) as (stream, heard):
        ASK[engine.lane](stream, 1, SOON)
        stream.close()
        assert engine.pending(NOW) is None
        assert not heard.events


def drops_the_result_of_a_stream_that_closed_meanwhile(engine: Any) -> None:
    with opened(engine) as (stream, heard):
        ASK[engine.lane](stream, 1, SOON)
        batch = engine.pending(NOW)
        results = engine.run(batch)
        stream.close()
        engine.deliver(batch, results)
        drive(engine)
        assert not heard.events


def drops_the_failure_of_a_stream_that_closed_meanwhile(engine: Any) -> None:
    with opened(engine) as (stream, heard):
        ASK[engine.lane](stream, 1, SOON)
        batch = engine.pending(NOW)
        stream.close()
        engine.fail(batch, RuntimeError("too late"))
        assert not heard.events


def tells_a_failed_step_to_its_stream_which_lives_on(engine: Any) -> None:
    with opened(engine) as (stream, heard), opened(engine) as (other, other_heard):
        ASK[engine.lane](stream, 1, SOON)
        error = RuntimeError("the device is on fire")
        engine.fail(engine.pending(NOW), error)
        assert heard.events == [StreamFailed(-1 if engine.lane == "vad" else 1, error)]
        drive(engine)
        assert len(heard.events) == 1, "the lost work went on"
        ASK[engine.lane](stream, 2, SOON)
        ASK[engine.lane](other, 1, SOON)
        drive(engine)
        assert len(heard.events) > 1
        assert other_heard.events
        assert not other_heard.of(StreamFailed)


def is_well_after_a_step_that_was_given_up(engine: Any) -> None:
    hangs = TimeoutError("the step hangs")

    def turn_away() -> None:
        while (batch := engine.pending(NOW)) is not None:
            engine.fail(batch, hangs)

    for steps_before in (0, 1, 2, 4):
        with opened(engine) as (stream, heard), opened(engine) as (other, other_heard):
            ASK[engine.lane](stream, 1, SOON)
            for _ in range(steps_before):
                step(engine)
            if (hanging := engine.pending(NOW)) is None:
                return
            engine.fail(hanging, hangs)
            turn_away()
            assert {event.error for event in heard.of(StreamFailed)} == {hangs}
            ASK[engine.lane](other, 1, SOON)
            turn_away()
            assert {type(event) for event in other_heard.events} == {StreamFailed}
            known = [len(listener.events) for listener in (heard, other_heard)]
            results = engine.run(hanging)
            engine.discard(hanging, results)
            drive(engine)
            assert [len(listener.events) for listener in (heard, other_heard)] == known, "heard of again"
            ASK[engine.lane](stream, 2, SOON)
            ASK[engine.lane](other, 2, SOON)
            drive(engine)
            for listener, length in zip((heard, other_heard), known, strict=True):
                new = listener.events[length:]
                assert new
                assert StreamFailed not in map(type, new)


def comes_to_its_end_in_the_smallest_steps_too(engine: Any) -> None:
    with opened(engine) as (one, heard), opened(engine) as (two, other):
        for stream in (one, two):
            ASK[engine.lane](stream, 1, SOON)
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


EVERY_KIND: tuple[Check, ...] = (
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


def does_not_offer_work_on_hold(engine: Any) -> None:
    with opened(engine) as (stream, heard):
        ASK[engine.lane](stream, 1, HOLD)
        assert engine.pending(NOW) is None
        stream.reschedule(1, SOON)
        assert engine.pending(NOW).deadline == SOON
        step(engine)
        stream.reschedule(1, HOLD)
        assert engine.pending(NOW) is None
        stream.reschedule(1, SOON)
        drive(engine)
        assert heard.events


def drops_a_cancelled_generation_even_in_mid_step(engine: Any) -> None:
    with opened(engine) as (stream, heard):
        ASK[engine.lane](stream, 1, SOON)
        batch = engine.pending(NOW)
        results = engine.run(batch)
        stream.cancel(1)
        engine.deliver(batch, results)
        drive(engine)
        assert not heard.events
        ASK[engine.lane](stream, 2, SOON)
        drive(engine)
        assert {event.generation for event in heard.events} == {2}


def leaves_other_generations_alone_when_told_to_cancel_one(engine: Any) -> None:
    with opened(engine) as (stream, heard):
        ASK[engine.lane](stream, 2, SOON)
        stream.cancel(1)
        stream.reschedule(1, HOLD)
        drive(engine)
        assert {event.generation for event in heard.events} == {2}


def marks_its_batches_with_their_generation(engine: Any) -> None:
    with opened(engine) as (stream, _):
        ASK[engine.lane](stream, 7, SOON)
        assert {batch.generation for batch in drive(engine)} == {7}


def serves_speculative_work_last_until_it_is_released(engine: Any) -> None:
    with opened(engine) as (guessing, guess), opened(engine) as (waiting, heard):
        ASK[engine.lane](guessing, 1, SOON)
        guessing.reschedule(1, SOON, need=Need.SPECULATIVE)
        assert engine.pending(NOW).need is Need.SPECULATIVE
        ASK[engine.lane](waiting, 1, LATER)
        assert engine.pending(NOW).need is not Need.SPECULATIVE
        while not heard.events:
            assert not guess.events
            assert step(engine) is not None
        guessing.reschedule(1, SOON)
        waiting.cancel(1)
        assert engine.pending(NOW).need is not Need.SPECULATIVE
        drive(engine)
        assert guess.events


EVERY_GENERATION: tuple[Check, ...] = (
    does_not_offer_work_on_hold,
    drops_a_cancelled_generation_even_in_mid_step,
    leaves_other_generations_alone_when_told_to_cancel_one,
    marks_its_batches_with_their_generation,
    serves_speculative_work_last_until_it_is_released,
)
