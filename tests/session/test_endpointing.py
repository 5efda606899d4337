"""Beginning, first sign of the end, and end of speech, from probabilities."""

from hypothesis import given
from hypothesis import strategies as st
from shipped_rules import THRESHOLDS

from voiceagent.engines.vad.contract import VadFrame
from voiceagent.session.endpointing import FRAME_S, Endpointer
from voiceagent.session.events import SpeechPaused, SpeechStarted, SpeechStopped

SPEECH, SILENCE, UNSURE = 0.9, 0.1, 0.4


def hear(*runs):
    """Feed (probability, frames) runs; return (frame number, event) for what they brought."""
    endpointer, found, number = Endpointer(THRESHOLDS), [], 0
    for probability, frames in runs:
        for _ in range(frames):
            number += 1
            event = endpointer.feed(VadFrame(probability, number * 512, number * FRAME_S))
            if event is not None:
                found.append((number, event))
    return found


def kinds(found):
    return [type(event) for _, event in found]


def test_two_frames_of_speech_begin_it_and_one_does_not():
    assert hear((SPEECH, 1), (SILENCE, 10)) == []
    assert kinds(hear((SILENCE, 3), (SPEECH, 2))) == [SpeechStarted]


def test_silence_is_first_a_sign_and_then_an_end():
    found = hear((SPEECH, 10), (SILENCE, 10))
    assert kinds(found) == [SpeechStarted, SpeechPaused, SpeechStopped]
    assert [number for number, _ in found] == [2, 12, 16], "200 ms is six frames of 32 ms, to the nearest"


def test_the_length_of_speech_leaves_out_the_silence_after_it():
    (_, paused) = hear((SPEECH, 10), (SILENCE, 2))[1]
    assert round(paused.speech_s, 6) == round(10 * FRAME_S, 6)


def test_a_doubtful_frame_changes_nothing():
    assert kinds(hear((SPEECH, 5), (UNSURE, 50))) == [SpeechStarted]
    assert kinds(hear((UNSURE, 50))) == []


def stirs(*runs):
    """Whether speech may be beginning, after each (probability, frames) run."""
    endpointer, found = Endpointer(THRESHOLDS), []
    for probability, frames in runs:
        for _ in range(frames):
            endpointer.feed(VadFrame(probability, 512, 0.0))
        found.append(endpointer.stirs)
    return found


def test_a_frame_or_a_few_that_are_not_silence_may_be_the_beginning_of_speech():
    assert stirs((SILENCE, 5), (UNSURE, 1), (UNSURE, 1), (SILENCE, 1)) == [False, True, True, False]
    assert stirs((SPEECH, 1), (SPEECH, 1)) == [True, False], "it has begun"
    assert stirs((SPEECH, 5), (SILENCE, 2), (SPEECH, 1)) == [False, False, True]
    assert stirs((UNSURE, 3), (UNSURE, 1), (UNSURE, 50)) == [True, False, False], "noise is not"


def test_going_on_before_the_end_begins_speech_anew_without_an_end():
    found = hear((SPEECH, 5), (SILENCE, 3), (SPEECH, 5))
    assert kinds(found) == [SpeechStarted, SpeechPaused, SpeechStarted]


def test_a_single_frame_of_noise_does_not_put_off_the_end():
    found = hear((SPEECH, 5), (SILENCE, 4), (SPEECH, 1), (SILENCE, 5))
    assert kinds(found) == [SpeechStarted, SpeechPaused, SpeechStopped]
    assert found[-1][0] == 5 + 6


@given(st.lists(st.tuples(st.sampled_from([SPEECH, SILENCE, UNSURE]), st.integers(1, 12)), max_size=20))
def test_events_always_come_in_an_order_that_makes_sense(runs):
    may_follow = {
        None: {SpeechStarted},
        SpeechStarted: {SpeechPaused},
        SpeechPaused: {SpeechStarted, SpeechStopped},
        SpeechStopped: {SpeechStarted},
    }
    last = None
    for kind in kinds(hear(*runs)):
        assert kind in may_follow[last]
        last = kind
