"""Pauses are put into recordings where a word ends, for as long as people pause, and everything around stays."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.alignment import Aligner, Word
from benchmarks.dictated_turns import dictated
from benchmarks.paused_turns import (
    AFTER_S,
    FADE_S,
    LEAST_AFTER_S,
    LEAST_BEFORE_S,
    SURVIVAL,
    boundaries,
    joined,
    pause_s,
    seed_of,
    split,
)
from voiceagent.testing import recordings
from voiceagent.testing.recordings import RATE

needs_recordings = pytest.mark.skipif(
    not recordings.PROMPT_TEXTS.exists() or not recordings.PROMPTS.exists(), reason="no recordings are installed"
)


def test_pauses_are_as_long_as_those_of_people():
    draw = np.random.default_rng(0)
    lengths = np.array([pause_s(draw) for _ in range(20_000)])
    for seconds, share in SURVIVAL:
        assert (lengths > seconds).mean() == pytest.approx(share, abs=0.01)


@given(st.lists(st.floats(0.05, 1.0), min_size=0, max_size=12), st.integers(0, 3), st.integers(0, 9))
def test_pieces_are_never_too_short(durations, count, seed):
    ends = np.cumsum(durations)
    words = [Word("a", float(end - length), float(end)) for end, length in zip(ends, durations, strict=True)]
    places = boundaries(words, count, np.random.default_rng(seed))
    assert len(places) <= count
    if places:
        pieces = np.diff([0.0, *places, float(ends[-1])])
        assert pieces[0] >= LEAST_BEFORE_S
        assert pieces[1:].min() >= LEAST_AFTER_S


def test_a_turn_is_its_pieces_with_silence_after_each():
    speech = np.random.default_rng(3).uniform(-0.5, 0.5, 3 * RATE).astype(np.float32)
    pieces = split(speech, [1.0, 2.0])
    assert (np.concatenate(pieces) == speech).all()
    pcm, silences = joined(pieces, seed_of("three pieces"))
    assert [silence.end for silence in silences] == [False, False, True]
    assert silences[-1].length_s == AFTER_S
    at = 0
    edge = round(FADE_S * RATE)
    for piece, silence in zip(pieces, silences, strict=True):
        assert (pcm[at + edge : at + len(piece) - edge] == piece[edge:-edge]).all()
        assert silence.start_s == (at + len(piece)) / RATE
        at += len(piece) + round(silence.length_s * RATE)
    assert at == len(pcm)


def test_the_same_recording_has_the_same_pauses_in_every_run():
    pieces = [np.ones(RATE, np.float32)] * 3
    assert joined(pieces, seed_of("one"))[1] == joined(pieces, seed_of("one"))[1]
    assert joined(pieces, seed_of("one"))[1] != joined(pieces, seed_of("other"))[1]


@needs_recordings
def test_words_are_found_where_they_are_said():
    words = Aligner().words(recordings.recording("agent-pass").pcm(), "Please enter your password, followed by")
    assert [word.text for word in words] == ["please", "enter", "your", "password", "followed", "by"]
    assert all(one.end_s <= other.start_s for one, other in pairwise(words))


@needs_recordings
def test_words_that_are_not_known_are_not_placed():
    assert Aligner().words(np.zeros(RATE, np.float32), "xyzzyplugh") == []


@needs_recordings
def test_numbers_and_names_are_asked_for_and_pause_between_their_groups():
    for turn in dictated():
        assert turn.asked.endswith("?")
        assert len(turn.silences) == len(turn.name.split())
        assert not turn.synthetic
