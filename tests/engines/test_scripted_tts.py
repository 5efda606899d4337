"""The scripted voice: one soft tone a word, each exactly as long as it is said to be."""

import numpy as np

from voiceagent.audio.speech import Word
from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.tts.scripted.engine import AMPLITUDE, ScriptedTts
from voiceagent.testing.engine_contract.driving import Heard, drive, step


def at_once(seconds: float) -> None:
    """Steps take no time."""


def test_every_word_is_a_piece_of_its_own_and_takes_its_time() -> None:
    engine, heard = ScriptedTts(word_s=0.25, sample_rate=16_000, sleep=at_once), Heard()
    engine.open(heard.events.append).speak(1, 4, "Hello there, you.", 5.0)
    drive(engine)
    assert [len(piece.pcm) for piece in heard.events] == [4000] * 3
    assert [piece.words for piece in heard.events] == [
        (Word("Hello", 0.0, 0.25),),
        (Word("there,", 0.25, 0.5),),
        (Word("you.", 0.5, 0.75),),
    ]
    assert {piece.segment for piece in heard.events} == {4}


def test_times_stay_exact_where_a_word_is_no_whole_number_of_samples() -> None:
    engine, heard = ScriptedTts(word_s=0.1, sample_rate=22_055, sleep=at_once), Heard()
    engine.open(heard.events.append).speak(1, 0, "a " * 101, 5.0)
    drive(engine)
    assert sum(len(piece.pcm) for piece in heard.events) == round(0.1 * 101 * 22_055)
    samples = 0
    for piece in heard.events:
        assert piece.words[0].start_s == samples / 22_055
        samples += len(piece.pcm)
        assert piece.words[0].end_s == samples / 22_055


def test_a_word_is_soft_and_does_not_click() -> None:
    engine, heard = ScriptedTts(sleep=at_once), Heard()
    engine.open(heard.events.append).speak(1, 0, "Hello there", 5.0)
    drive(engine)
    pcm = np.concatenate([piece.pcm for piece in heard.events])
    assert 0.95 * AMPLITUDE < np.abs(pcm).max() <= AMPLITUDE
    assert np.abs(np.diff(pcm)).max() < 0.02


def test_words_of_different_length_sound_different() -> None:
    engine, heard = ScriptedTts(sleep=at_once), Heard()
    engine.open(heard.events.append).speak(1, 0, "a four", 5.0)
    drive(engine)
    first, second = (piece.pcm for piece in heard.events)
    assert not np.allclose(first, second)


def test_a_new_segment_waits_for_the_one_on_hold_before_it() -> None:
    engine, heard = ScriptedTts(sleep=at_once), Heard()
    stream = engine.open(heard.events.append)
    stream.speak(1, 0, "first", float("inf"))
    stream.speak(1, 1, "second", 5.0)
    assert step(engine) is None
    stream.reschedule(1, 5.0)
    drive(engine)
    assert [piece.segment for piece in heard.events] == [0, 1]


def test_a_new_segment_does_not_overtake_a_speculative_one() -> None:
    engine, heard = ScriptedTts(sleep=at_once), Heard()
    stream = engine.open(heard.events.append)
    stream.speak(1, 0, "first", 5.0, need=Need.SPECULATIVE)
    stream.speak(1, 1, "second", 5.0)
    drive(engine)
    assert [piece.segment for piece in heard.events] == [0, 1]


def test_it_fails_at_the_scripted_word_and_is_well_again_when_told() -> None:
    engine, heard = ScriptedTts(fail_at=2, sleep=at_once), Heard()
    stream = engine.open(heard.events.append)
    stream.speak(1, 0, "one two three", 5.0)
    stream.speak(1, 1, "four five", 5.0)
    drive(engine)
    assert heard.events[0].words[0].text == "one"
    assert [event.tag for event in heard.of(StreamFailed)] == [1]
    assert len(heard.events) == 2
    engine.fail_at = None
    stream.speak(2, 0, "one two", 5.0)
    drive(engine)
    assert heard.events[-1].final
