"""Magpie's words in time, its voices and its presets: what needs no model."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.audio.speech import Word
from voiceagent.engines.tts.magpie.presets import PRESETS
from voiceagent.engines.tts.magpie.voices import voice_index
from voiceagent.engines.tts.magpie.word_times import WordTimes
from voiceagent.errors import VoiceAgentError

FRAME_S = 0.05


def test_a_word_ends_where_the_next_one_begins() -> None:
    times = WordTimes(["one", "two", "three"])
    times.reach(1, 0.0, 0.05)
    times.reach(2, 0.3, 0.35)
    assert times.take(0.5, 0.6) == (Word("one", 0.0, 0.3), Word("two", 0.3, pytest.approx(0.51)))


def test_a_word_that_begins_behind_a_piece_waits_for_the_next() -> None:
    times = WordTimes(["one", "two"])
    times.reach(1, 0.0, 0.05)
    times.reach(2, 0.4, 0.45)
    assert [word.text for word in times.take(0.4, 0.5)] == ["one"]
    assert [word.text for word in times.take(0.8, 0.9)] == ["two"]


def test_an_estimated_end_is_not_beyond_what_was_decoded() -> None:
    times = WordTimes(["antidisestablishmentarianism"])
    times.reach(1, 0.0, 0.05)
    assert times.take(0.2, 0.25) == (Word("antidisestablishmentarianism", 0.0, 0.25),)


def test_words_that_were_never_reached_share_what_is_left() -> None:
    times = WordTimes(["one", "two", "three"])
    times.reach(1, 0.0, 0.05)
    times.take(0.5, 0.6)
    assert times.finish(0.5, 0.9) == (
        Word("two", 0.5, pytest.approx(0.7)),
        Word("three", pytest.approx(0.7), 0.9),
    )


@given(st.integers(1, 6), st.lists(st.integers(0, 3), min_size=2, max_size=30), st.integers(1, 5))
def test_every_word_is_told_once_in_order_in_its_piece(count: int, reached: list[int], piece: int) -> None:
    words = [f"w{number}" for number in range(count)]
    times, told, spoken, sounded = WordTimes(words), [], 0, 0
    for frame, new in enumerate(reached):
        spoken += new
        times.reach(spoken, frame * FRAME_S, (frame + 1) * FRAME_S)
        if frame + 1 - sounded > piece:
            begun, sounded = sounded * FRAME_S, sounded + piece
            words_here = times.take(sounded * FRAME_S, (frame + 1) * FRAME_S)
            assert all(begun - 1e-9 <= word.start_s < sounded * FRAME_S for word in words_here)
            told += words_here
    end_s = len(reached) * FRAME_S
    last = times.finish(sounded * FRAME_S, end_s)
    assert all(sounded * FRAME_S - 1e-9 <= word.start_s < end_s for word in last)
    told += last
    assert [word.text for word in told] == words
    assert all(word.start_s < word.end_s <= end_s + 1e-9 for word in told)
    assert all(a.start_s <= b.start_s for a, b in pairwise(told))


def test_voices_are_known_by_name() -> None:
    assert [voice_index(name, 5) for name in ("john", "Sofia", "ARIA", "jason", "leo")] == [0, 1, 2, 3, 4]
    assert voice_index(None, 5) == 2


def test_an_unknown_voice_is_refused_with_those_there_are() -> None:
    with pytest.raises(VoiceAgentError, match=r"'leo'.*john, sofia, aria\."):
        voice_index("leo", 3)


def test_presets_speak_early_and_then_in_larger_pieces() -> None:
    for preset in PRESETS.values():
        assert preset.frames(started=False, slack_s=100) == preset.first
        assert preset.frames(started=True, slack_s=0.1) == preset.following
        assert preset.frames(started=True, slack_s=100) == preset.relaxed
        assert preset.first < preset.following < preset.relaxed
