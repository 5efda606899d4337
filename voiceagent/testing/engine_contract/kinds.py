"""What engines of one kind must do in addition to what all must: checks for any backend of the kind."""

import numpy as np

from voiceagent.engines.asr.contract import AsrEngine, Transcript
from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEngine, Message, ReplyOptions, Token
from voiceagent.engines.tts.contract import SpeechAudio, TtsEngine
from voiceagent.engines.turn.contract import TurnEngine, TurnPrediction
from voiceagent.engines.vad.contract import FRAME_SAMPLES, VadEngine, VadFrame
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.engine_contract.driving import LATER, NOW, SOON, Heard, drive, opened, said, step
from voiceagent.testing.engine_contract.every_kind import Check
from voiceagent.testing.sound import silence, voice

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


VAD: tuple[Check, ...] = (judges_every_frame_once_however_the_audio_is_cut, dates_a_frame_by_its_last_sample)


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


def lets_callers_go_before_a_program(engine: AsrEngine) -> None:
    with opened(engine, Need.BACKGROUND) as (program, transcribed), opened(engine) as (caller, heard):
        for stream in (program, caller):
            stream.begin_speech()
            stream.push(voice(1.0))
            stream.finalise(1, SOON)
        while not finals_of(heard):
            batch = step(engine)
            assert batch is not None
            assert batch.streams == (caller.number,)
            assert batch.need is not Need.BACKGROUND
        assert {batch.need for batch in drive(engine)} == {Need.BACKGROUND}
        assert finals_of(transcribed)


def finals_of(heard: Heard) -> list[Transcript]:
    """Return a stream's final transcripts."""
    return [event for event in heard.of(Transcript) if event.fork is not None]


ASR: tuple[Check, ...] = (
    transcribes_a_fork_and_listens_on,
    drops_an_older_fork,
    hears_no_words_in_silence,
    drops_open_work_when_the_turn_is_committed,
    forgets_a_committed_turn,
    lets_callers_go_before_a_program,
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


TURN: tuple[Check, ...] = (answers_with_a_probability, drops_an_older_question)


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


def ends_a_reply_at_the_length_it_is_given(engine: LlmEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.generate(1, said("What is the capital of France?"), SOON, options=ReplyOptions(max_tokens=2))
        drive(engine)
        assert len(heard.of(Token)) == 2
        assert heard.events[-1] == Completed(1, "length")
        stream.generate(2, said("What is the capital of France?"), SOON)
        drive(engine)
        assert len(heard.of(Token)) > 4, "the next reply is as long as it likes"


def says_the_same_again_without_temperature(engine: LlmEngine) -> None:
    replies = []
    for _ in range(2):
        with opened(engine) as (stream, heard):
            stream.generate(1, said("Hello there."), SOON, options=ReplyOptions(temperature=0.0))
            drive(engine)
            replies.append("".join(token.text for token in heard.of(Token)))
    assert replies[0] == replies[1] != ""


LLM: tuple[Check, ...] = (
    replies_with_text_and_completes_once,
    replaces_a_reply_under_way,
    may_be_told_beforehand_what_a_reply_will_begin_with,
    counts_more_tokens_in_a_longer_conversation,
    ends_a_reply_at_the_length_it_is_given,
    says_the_same_again_without_temperature,
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


def speaks_in_every_voice_it_names_and_by_itself_in_the_first(engine: TtsEngine) -> None:
    sounds = []
    for name in (None, *engine.voices):
        with opened(engine) as (stream, heard):
            stream.speak(1, 0, "Hello there.", SOON, voice=name)
            drive(engine)
            sounds.append(np.concatenate([piece.pcm for piece in heard.of(SpeechAudio)]))
    own, first, *others = sounds
    assert np.array_equal(own, first)
    assert not any(np.array_equal(own, other) for other in others)


def refuses_a_voice_it_does_not_have_and_names_those_it_has(engine: TtsEngine) -> None:
    with opened(engine) as (stream, heard):
        refusal = ""
        try:
            stream.speak(1, 0, "Hello there.", SOON, voice="no such voice")
        except VoiceAgentError as error:
            refusal = str(error)
        assert engine.voices[0] in refusal
        drive(engine)
        assert not heard.events


TTS: tuple[Check, ...] = (
    speaks_every_word_at_its_time,
    puts_a_word_into_the_piece_it_begins_in,
    speaks_segments_in_the_order_of_the_calls,
    ends_a_segment_that_has_nothing_to_say,
    does_not_go_on_with_a_generation_that_failed,
    speaks_in_every_voice_it_names_and_by_itself_in_the_first,
    refuses_a_voice_it_does_not_have_and_names_those_it_has,
)
