from itertools import pairwise

import numpy as np
import pytest

from voiceagent.audio import (
    AudioError,
    Drained,
    Heard,
    Pcm,
    Playout,
    SegmentHeard,
    SegmentStarted,
    SpeechChunk,
    Word,
    WordHeard,
)

RATE = 16_000
FRAME_S = 0.02
ONE_SECOND = np.full(RATE, 0.5, np.float32)
FOUR_WORDS = tuple(Word(text, i / 4, i / 4 + 0.25) for i, text in enumerate(["one", "two", "three", "four"]))


def speech(generation: int = 1, segment: int = 0, seconds: float = 1.0, **more: object) -> SpeechChunk:
    pcm = np.full(round(seconds * RATE), 0.5, np.float32)
    return SpeechChunk(generation, segment, pcm, **more)  # type: ignore[arg-type]


def pull_s(playout: Playout, seconds: float) -> Pcm:
    return np.concatenate([playout.pull() for _ in range(round(seconds / FRAME_S))])


def speaking(*chunks: SpeechChunk, seconds: float = 0.0, finished: bool = True) -> Playout:
    """A playout in the middle of generation 1."""
    playout = Playout(RATE)
    for chunk in chunks or (speech(words=FOUR_WORDS),):
        playout.enqueue(chunk)
    if finished:
        playout.finish(1)
    playout.release(1)
    if seconds:
        pull_s(playout, seconds)
    return playout


def test_there_is_always_a_frame_and_silence_when_there_is_nothing_to_say() -> None:
    playout = Playout(24_000)
    assert playout.pull().shape == (480,)
    assert not pull_s(playout, 1.0).any()
    assert playout.drain_events() == []


def test_speech_is_sent_as_it_came_but_for_the_fades_at_its_ends() -> None:
    rng = np.random.default_rng(0)
    pcm = rng.uniform(-0.9, 0.9, RATE).astype(np.float32)
    playout = speaking(SpeechChunk(1, 0, pcm))
    sent = pull_s(playout, 1.1)
    assert np.array_equal(sent[80:RATE], pcm[80:])
    assert np.abs(sent[:80]).max() < np.abs(pcm[:80]).max()
    assert not sent[RATE + 80 :].any()


def test_nothing_is_heard_before_it_is_released() -> None:
    playout = Playout(RATE)
    playout.enqueue(speech())
    assert not pull_s(playout, 0.5).any()
    assert playout.buffered_s(1) == 1.0
    playout.release(1)
    playout.release(1)
    assert playout.pull().any()
    assert playout.buffered_s(1) == pytest.approx(0.98)


def test_silence_turns_into_speech_only_where_it_may() -> None:
    playout = speaking(speech(seconds=0.2, pause_after_s=0.2), speech(segment=1, seconds=0.2))
    playout.may_begin = lambda: False
    assert not pull_s(playout, 0.5).any()
    assert playout.drain_events() == []
    playout.may_begin = lambda: True
    assert pull_s(playout, 0.1).any()
    playout.may_begin = lambda: False
    assert pull_s(playout, 0.06).any(), "what sounds goes on"
    pull_s(playout, 0.5)
    assert not any(isinstance(event, SegmentStarted) and event.segment for event in playout.drain_events())
    playout.may_begin = lambda: True
    assert pull_s(playout, 0.5).any()
    assert playout.drain_events()[-1] == Drained(1)
    assert playout.underruns == 0


def test_what_happens_is_told_in_order() -> None:
    playout = speaking(speech(words=FOUR_WORDS[:2], seconds=0.5), speech(segment=1, seconds=0.1), seconds=0.64)
    assert playout.drain_events() == [
        SegmentStarted(1, 0),
        WordHeard(1, 0, 0),
        WordHeard(1, 0, 1),
        SegmentHeard(1, 0),
        SegmentStarted(1, 1),
        SegmentHeard(1, 1),
        Drained(1),
    ]
    pull_s(playout, 0.1)
    assert playout.drain_events() == []


def test_a_word_is_heard_when_half_of_it_is_out() -> None:
    playout = speaking(speech(words=FOUR_WORDS))
    pull_s(playout, 0.12)
    assert WordHeard(1, 0, 0) not in playout.drain_events()
    playout.pull()
    assert WordHeard(1, 0, 0) in playout.drain_events()


def test_words_may_be_named_after_their_audio_was_sent() -> None:
    playout = speaking(speech(final=False), finished=False, seconds=0.5)
    playout.enqueue(SpeechChunk(1, 0, np.zeros(0, np.float32), FOUR_WORDS))
    assert playout.stop(1).text == "one two"


def test_a_segment_may_come_in_pieces_of_any_size() -> None:
    pcm = np.linspace(0.1, 0.9, RATE, dtype=np.float32)
    cuts = [0, 1, 1, 50, 700, 701, 5000, RATE]
    pieces = [SpeechChunk(1, 0, pcm[a:b], final=b == RATE) for a, b in pairwise(cuts)]
    assert np.array_equal(pull_s(speaking(*pieces), 1.0)[80:], pcm[80:])


def test_sentences_are_parted_by_their_pause_and_the_end_is_not_waited_for() -> None:
    playout = speaking(speech(seconds=0.2, pause_after_s=0.25), speech(segment=1, seconds=0.2, pause_after_s=0.25))
    sent = pull_s(playout, 0.66)
    loud = np.flatnonzero(sent == 0.5)
    gap = np.diff(loud).max() - 1
    assert gap / RATE == pytest.approx(0.25 + 0.005, abs=0.0005)
    assert playout.drain_events()[-1] == Drained(1)
    assert playout.buffered_s(1) == 0


def test_the_pause_runs_while_the_next_sentence_is_still_being_made() -> None:
    playout = speaking(speech(seconds=0.2, pause_after_s=0.25), finished=False)
    assert playout.buffered_s(1) == pytest.approx(0.45)
    pull_s(playout, 0.4)
    assert playout.buffered_s(1) == pytest.approx(0.05)
    playout.enqueue(speech(segment=1, seconds=0.2))
    sent = pull_s(playout, 0.1)
    assert np.flatnonzero(sent)[0] == pytest.approx(0.05 * RATE, abs=1)
    assert playout.underruns == 0


def test_the_end_is_told_even_if_it_becomes_known_after_the_last_sample() -> None:
    playout = speaking(speech(seconds=0.1), finished=False, seconds=0.3)
    assert Drained(1) not in playout.drain_events()
    playout.finish(1)
    playout.pull()
    assert playout.drain_events() == [Drained(1)]
    assert not playout.enqueue(speech(segment=1))


def test_a_response_without_a_word_ends_at_once() -> None:
    playout = Playout(RATE)
    playout.release(1)
    playout.finish(1)
    playout.pull()
    assert playout.drain_events() == [Drained(1)]


def test_a_segment_without_audio_is_passed_over() -> None:
    silent = SpeechChunk(1, 0, np.zeros(0, np.float32), (Word("hm", 0, 0.1),))
    playout = speaking(silent, speech(segment=1, seconds=0.02))
    assert playout.pull().any()
    assert playout.drain_events()[:3] == [SegmentStarted(1, 0), SegmentHeard(1, 0), SegmentStarted(1, 1)]
    assert playout.heard(1).text == "", "a word without sound was not heard"


def test_audio_that_comes_late_inside_a_segment_is_counted_and_fades() -> None:
    playout = speaking(speech(seconds=0.1, final=False), finished=False)
    sent = pull_s(playout, 0.2)
    assert playout.underruns == 1
    assert np.abs(np.diff(sent)).max() < 0.01
    playout.enqueue(speech(seconds=0.1))
    sent = pull_s(playout, 0.2)
    assert np.abs(np.diff(sent)).max() < 0.01
    assert playout.underruns == 1


def test_a_segment_left_unfinished_is_over_when_the_next_begins() -> None:
    playout = speaking(speech(seconds=0.1, final=False), speech(segment=1, seconds=0.1), seconds=0.3)
    assert SegmentHeard(1, 0) in playout.drain_events()
    assert playout.underruns == 0


def test_pieces_out_of_order_are_a_mistake() -> None:
    playout = speaking(speech(segment=1))
    with pytest.raises(ValueError, match="Segment 1 is over"):
        playout.enqueue(speech(segment=1))
    with pytest.raises(ValueError, match="Segment 0 is over"):
        playout.enqueue(speech(segment=0))


def test_what_is_no_audio_is_refused_and_speech_goes_on() -> None:
    playout = speaking(speech(final=False), finished=False, seconds=0.1)
    with pytest.raises(AudioError, match="NaN"):
        playout.enqueue(SpeechChunk(1, 0, np.array([np.nan], np.float32)))
    assert playout.enqueue(speech())
    assert (pull_s(playout, 1.5) == 0.5).all()


# -- pause and resume


def test_a_pause_is_silent_within_five_milliseconds_and_resume_goes_on_with_the_same_sample() -> None:
    pcm = np.linspace(0.1, 0.9, RATE, dtype=np.float32)
    playout = speaking(SpeechChunk(1, 0, pcm), seconds=0.5)
    playout.pause()
    paused = pull_s(playout, 1.0)
    assert not paused[80:].any()
    playout.resume()
    assert np.array_equal(pull_s(playout, 0.5)[80:], pcm[RATE // 2 + 80 :])


def test_resume_repeats_the_word_that_was_cut_if_it_had_just_begun() -> None:
    pcm = np.linspace(0.1, 0.9, RATE, dtype=np.float32)
    words = (Word("short", 0.1, 0.35), Word("looooong", 0.4, 0.98))
    playout = speaking(SpeechChunk(1, 0, pcm, words), seconds=0.3)
    playout.pause()
    pull_s(playout, 0.1)
    playout.resume()
    assert playout.pull()[100] == pcm[round(0.1 * RATE) + 100]
    assert playout.heard(1).segments[0].played_s == pytest.approx(0.3), "what was heard stays heard"
    pull_s(playout, 0.66)
    playout.pause()
    pull_s(playout, 0.1)
    playout.resume()
    assert playout.pull()[100] == pcm[round(0.78 * RATE) + 100]
    events = playout.drain_events()
    assert events.count(WordHeard(1, 0, 0)) == events.count(WordHeard(1, 0, 1)) == 1


def test_a_pause_between_words_repeats_nothing() -> None:
    pcm = np.linspace(0.1, 0.9, RATE, dtype=np.float32)
    playout = speaking(SpeechChunk(1, 0, pcm, (Word("one", 0.1, 0.3), Word("two", 0.4, 0.9))), seconds=0.32)
    playout.pause()
    pull_s(playout, 0.1)
    playout.resume()
    assert playout.pull()[100] == pcm[round(0.32 * RATE) + 100]


def test_a_pause_taken_back_before_the_next_frame_leaves_no_trace() -> None:
    playout = speaking(seconds=0.5)
    playout.pause()
    playout.resume()
    playout.resume()
    assert (pull_s(playout, 0.5) == 0.5).all()


def test_speech_that_arrives_in_a_pause_waits() -> None:
    playout = speaking(speech(seconds=0.1, final=False), finished=False, seconds=0.2)
    playout.pause()
    playout.pause()
    playout.enqueue(speech())
    assert not pull_s(playout, 0.5).any()
    playout.resume()
    assert pull_s(playout, 0.5).any()


def test_a_pause_between_sentences_keeps_what_is_left_of_it() -> None:
    playout = speaking(speech(seconds=0.1, pause_after_s=0.2), speech(segment=1, seconds=0.1), seconds=0.2)
    playout.pause()
    assert not pull_s(playout, 0.5).any()
    playout.resume()
    assert np.flatnonzero(pull_s(playout, 0.2))[0] == pytest.approx(0.1 * RATE, abs=1)


def test_a_pause_at_the_very_end_of_a_sentence_fades_what_was_last_heard() -> None:
    playout = speaking(speech(seconds=0.1, pause_after_s=0.2), speech(segment=1), seconds=0.1)
    playout.pause()
    sent = pull_s(playout, 0.1)
    assert sent[0] == pytest.approx(0.5, abs=0.01)
    assert not sent[80:].any()


# -- stop, drop, and the next generation


def test_stop_tells_the_words_heard_and_falls_silent_at_once() -> None:
    playout = speaking(speech(words=FOUR_WORDS), speech(segment=1), seconds=0.64)
    heard = playout.stop(1)
    assert heard.text == "one two three"
    (segment,) = heard.segments
    assert (segment.segment, segment.complete) == (0, False)
    assert segment.played_s == pytest.approx(0.64)
    sent = pull_s(playout, 1.0)
    assert sent[:80].any()
    assert not sent[80:].any()
    assert playout.heard(1) == Heard(1)
    assert playout.buffered_s(1) == 0


def test_a_word_that_was_mostly_unheard_does_not_count() -> None:
    assert speaking(seconds=0.6).stop(1).text == "one two"


def test_whole_segments_are_among_what_was_heard() -> None:
    playout = speaking(speech(words=FOUR_WORDS, pause_after_s=0.25), speech(segment=1, words=FOUR_WORDS), seconds=1.66)
    assert playout.heard(1).text == "one two three four one two"
    playout.pause()
    pull_s(playout, 0.2)
    heard = playout.stop(1)
    assert [segment.complete for segment in heard.segments] == [True, False]
    assert heard.text == "one two three four one two"


def test_what_was_heard_is_known_to_the_end_and_after() -> None:
    playout = speaking(seconds=1.2)
    assert playout.heard(1).text == playout.stop(1).text == "one two three four"


def test_nothing_of_a_stopped_generation_is_taken_any_more() -> None:
    playout = speaking(seconds=0.1)
    playout.stop(3)
    for generation in (1, 2, 3):
        assert not playout.enqueue(speech(generation))
        playout.release(generation)
        playout.finish(generation)
    pull_s(playout, 0.02)
    assert not pull_s(playout, 0.5).any()
    assert playout.enqueue(speech(4))


def test_stopping_what_does_not_sound_hears_nothing() -> None:
    assert Playout(RATE).stop(1) == Heard(1)
    playout = Playout(RATE)
    playout.enqueue(speech(2))
    playout.release(2)
    playout.pull()
    assert playout.stop(1) == Heard(1)
    assert playout.pull().any()


def test_a_paused_response_can_be_given_up_for_one_prepared_meanwhile() -> None:
    playout = speaking(seconds=0.5)
    playout.pause()
    playout.pull()
    playout.enqueue(speech(2, words=FOUR_WORDS))
    assert not pull_s(playout, 0.2).any()
    assert playout.stop(1).text == "one two"
    assert not pull_s(playout, 0.2).any()
    playout.release(2)
    assert pull_s(playout, 0.5).any()
    assert playout.heard(2).text == "one two"


def test_a_response_prepared_in_vain_is_dropped_and_the_paused_one_goes_on() -> None:
    playout = speaking(seconds=0.5)
    playout.pause()
    playout.enqueue(speech(2))
    playout.drop(2)
    playout.resume()
    assert (pull_s(playout, 0.4) == 0.5).all()
    assert not playout.enqueue(speech(2))
    assert playout.enqueue(speech(3))
    assert playout.heard(1).text == "one two three four"


def test_a_release_cuts_whatever_older_thing_still_sounds() -> None:
    playout = speaking(seconds=0.5)
    playout.enqueue(SpeechChunk(2, 0, np.full(RATE, -0.5, np.float32)))
    playout.release(2)
    sent = pull_s(playout, 0.5)
    assert np.abs(np.diff(sent)).max() < 1 / 80
    assert (sent[160:] == -0.5).all()
    assert playout.heard(1) == Heard(1)


def test_a_fade_may_last_longer_than_a_frame_and_be_cut_by_another() -> None:
    playout = Playout(RATE, frame_ms=2, fade_ms=5)
    playout.enqueue(speech())
    playout.release(1)
    rising = [playout.pull(), playout.pull()]
    playout.stop(1)
    sent = np.concatenate([*rising, *(playout.pull() for _ in range(5))])
    assert np.abs(np.diff(sent)).max() < 0.5 * 2 / 80
    assert sent.max() > 0.35
