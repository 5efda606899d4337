"""What any engine must do, whichever model is behind it: checks to be run against every backend.

A check takes a loaded, idle engine, uses streams of its own and closes them again, so that one engine (which may take
seconds to load) serves for all checks. Checks look at events and batches only. `test_engine_contract.py` lists the
engines; to add one, add a parameter there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import AsrEngine, Transcript
from voiceagent.engines.contract import HOLD, Batch, StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEngine, Message, Token
from voiceagent.engines.tts.contract import SpeechAudio, TtsEngine
from voiceagent.engines.turn.contract import TurnEngine, TurnPrediction
from voiceagent.engines.vad.contract import FRAME_SAMPLES, VadEngine, VadFrame

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


EVERY_KIND = (
    offers_nothing_until_it_is_asked,
    wakes_the_scheduler_when_it_is_asked,
    comes_to_an_end_and_answers_only_the_stream_that_asked,
    serves_the_urgent_stream_first,
    drops_the_work_of_a_closed_stream,
    drops_the_result_of_a_stream_that_closed_meanwhile,
    drops_the_failure_of_a_stream_that_closed_meanwhile,
    tells_a_failed_step_to_its_stream_which_lives_on,
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
        guessing.reschedule(1, SOON, speculative=True)
        assert engine.pending(NOW).speculative
        ask(waiting, 1, LATER)
        assert not engine.pending(NOW).speculative
        while not heard.events:
            assert not guess.events
            assert step(engine) is not None
        guessing.reschedule(1, SOON)
        waiting.cancel(1)
        assert not engine.pending(NOW).speculative
        drive(engine)
        assert guess.events


EVERY_GENERATION = (
    does_not_offer_work_on_hold,
    drops_a_cancelled_generation_even_in_mid_step,
    leaves_other_generations_alone_when_told_to_cancel_one,
    marks_its_batches_with_their_generation,
    serves_speculative_work_last_until_it_is_released,
)


# Voice activity detection


def judges_every_frame_once_however_the_audio_is_cut(engine: VadEngine) -> None:
    audio = np.concatenate((silence(0.3), voice(0.3)))
    with opened(engine) as (whole, at_once), opened(engine) as (pieces, in_pieces):
        whole.push(audio, NOW)
        for start in range(0, len(audio), 320):
            pieces.push(audio[start : start + 320], NOW)
        drive(engine)
        expected = list(range(FRAME_SAMPLES, len(audio) + 1, FRAME_SAMPLES))
        for heard in (at_once, in_pieces):
            assert [frame.end_sample for frame in heard.events] == expected
            assert all(0 <= frame.probability <= 1 for frame in heard.of(VadFrame))
        apart = [a.probability - b.probability for a, b in zip(at_once.events, in_pieces.events, strict=True)]
        assert np.allclose(apart, 0, atol=1e-3)


def dates_a_frame_by_its_last_sample(engine: VadEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.push(voice(0.02), 10.00)
        assert engine.pending(NOW) is None
        stream.push(voice(0.02), 10.02)
        drive(engine)
        assert [frame.heard_at for frame in heard.events] == [10.02]


VAD = (judges_every_frame_once_however_the_audio_is_cut, dates_a_frame_by_its_last_sample)


# Speech recognition


def transcribes_a_fork_and_listens_on(engine: AsrEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.push(voice(1.0))
        stream.begin_speech()
        stream.finalise(1, SOON)
        drive(engine)
        stream.push(voice(1.0))
        stream.finalise(2, SOON)
        drive(engine)
        assert [event.fork for event in heard.of(Transcript) if event.fork is not None] == [1, 2]


def drops_an_older_fork(engine: AsrEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.push(voice(1.0))
        stream.finalise(1, SOON)
        stream.finalise(2, SOON)
        drive(engine)
        assert {event.fork for event in heard.of(Transcript)} - {None} == {2}


def hears_no_words_in_silence(engine: AsrEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.push(silence(1.0))
        stream.finalise(1, SOON)
        drive(engine)
        assert heard.events == [Transcript("", 1)]


def drops_open_work_when_the_turn_is_committed(engine: AsrEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.begin_speech()
        stream.push(voice(1.0))
        stream.finalise(1, SOON)
        stream.commit()
        drive(engine)
        assert not heard.events


def forgets_a_committed_turn(engine: AsrEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.begin_speech()
        stream.push(voice(1.0))
        stream.finalise(1, SOON)
        drive(engine)
        stream.commit()
        stream.push(silence(1.0))
        stream.finalise(2, SOON)
        drive(engine)
        assert heard.events[-1] == Transcript("", 2)


ASR = (
    transcribes_a_fork_and_listens_on,
    drops_an_older_fork,
    hears_no_words_in_silence,
    drops_open_work_when_the_turn_is_committed,
    forgets_a_committed_turn,
)


# Turn detection


def answers_with_a_probability(engine: TurnEngine) -> None:
    with opened(engine) as (stream, heard):
        for fork, audio in enumerate((voice(8.0), voice(0.5), silence(1.0), silence(0.0)), 1):
            stream.predict(fork, audio, SOON)
            drive(engine)
            assert heard.events[-1].fork == fork
            assert 0 <= heard.events[-1].probability <= 1


def drops_an_older_question(engine: TurnEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.predict(1, voice(1.0), SOON)
        stream.predict(2, voice(1.0), SOON)
        drive(engine)
        assert [event.fork for event in heard.of(TurnPrediction)] == [2]


TURN = (answers_with_a_probability, drops_an_older_question)


# Language models


def replies_with_text_and_completes_once(engine: LlmEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.generate(1, said("What is the capital of France?"), SOON)
        drive(engine)
        assert "".join(token.text for token in heard.of(Token)).strip()
        assert [event for event in heard.events if not isinstance(event, Token)] == heard.of(Completed)
        assert heard.events.index(heard.of(Completed)[0]) == len(heard.events) - 1


def replaces_a_reply_under_way(engine: LlmEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.generate(1, said("Hello there."), SOON)
        while not heard.events:
            step(engine)
        before = len(heard.events)
        stream.generate(2, said("What is the capital of France?"), SOON)
        drive(engine)
        assert {event.generation for event in heard.events[before:]} == {2}
        assert heard.of(Completed)[-1].generation == 2


def may_be_told_beforehand_what_a_reply_will_begin_with(engine: LlmEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.prepare(said("Hello there.")[:1])
        drive(engine)
        assert not heard.events
        stream.generate(1, said("Hello there."), SOON)
        drive(engine)
        assert len(heard.of(Completed)) == 1


def counts_more_tokens_in_a_longer_conversation(engine: LlmEngine) -> None:
    short = said("Hello there.")
    assert 0 < engine.count_tokens(short) < engine.count_tokens((*short, Message("assistant", "Hello to you.")))


LLM = (
    replies_with_text_and_completes_once,
    replaces_a_reply_under_way,
    may_be_told_beforehand_what_a_reply_will_begin_with,
    counts_more_tokens_in_a_longer_conversation,
)


# Voices


def speaks_every_word_at_its_time(engine: TtsEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.speak(1, 0, "Hello there, how are you?", SOON)
        drive(engine)
        pieces = heard.of(SpeechAudio)
        pcm = np.concatenate([piece.pcm for piece in pieces])
        assert pcm.dtype == np.float32
        assert 0.01 < np.abs(pcm).max() <= 1
        assert [piece.final for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        words = [word for piece in pieces for word in piece.words]
        assert [word.text.strip(",?") for word in words] == ["Hello", "there", "how", "are", "you"]
        starts = [word.start_s for word in words]
        assert starts == sorted(starts)
        assert all(0 <= word.start_s < word.end_s <= len(pcm) / engine.sample_rate + 1e-6 for word in words)


def puts_a_word_into_the_piece_it_begins_in(engine: TtsEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.speak(1, 0, "Hello there, how are you?", SOON)
        drive(engine)
        start_s = 0.0
        for piece in heard.of(SpeechAudio):
            end_s = start_s + len(piece.pcm) / engine.sample_rate
            assert all(start_s - 1e-6 <= word.start_s < end_s for word in piece.words)
            start_s = end_s


def speaks_segments_in_the_order_of_the_calls(engine: TtsEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.speak(1, 0, "This comes first.", LATER)
        stream.speak(1, 1, "This comes second.", SOON)
        stream.speak(1, 2, "This comes last.", SOON)
        drive(engine)
        segments = [piece.segment for piece in heard.of(SpeechAudio)]
        assert segments == sorted(segments)
        assert set(segments) == {0, 1, 2}


def ends_a_segment_that_has_nothing_to_say(engine: TtsEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.speak(1, 0, " ", SOON)
        drive(engine)
        assert heard.events[-1].final


def does_not_go_on_with_a_generation_that_failed(engine: TtsEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.speak(1, 0, "This comes first.", SOON)
        stream.speak(1, 1, "This comes second.", SOON)
        error = RuntimeError("the device is on fire")
        batch = engine.pending(NOW)
        assert batch is not None
        engine.fail(batch, error)
        drive(engine)
        assert heard.events == [StreamFailed(1, error)]


TTS = (
    speaks_every_word_at_its_time,
    puts_a_word_into_the_piece_it_begins_in,
    speaks_segments_in_the_order_of_the_calls,
    ends_a_segment_that_has_nothing_to_say,
    does_not_go_on_with_a_generation_that_failed,
)
